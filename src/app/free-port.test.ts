import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { findFreePort } from './free-port.ts';

const host = '127.0.0.1';

test('a port that is free, below those that systems hand out by themselves', async () => {
  const port = await findFreePort(host, new Set());
  assert.ok(port >= 20_000 && port < 30_000, `${port}`);
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  server.close();
});

test('none is given twice, also to those who ask at the same time', async () => {
  const given = new Set<number>();
  const ports = await Promise.all(Array.from({ length: 200 }, () => findFreePort(host, given)));
  assert.equal(new Set(ports).size, ports.length);
  assert.deepEqual(given, new Set(ports));
});

test('one that is in use or given is passed over, and after many of them it is said', async () => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port: used } = server.address() as AddressInfo;
  const free = await findFreePort(host, new Set());
  const given = new Set([1]);
  const picks = [used, 1, used, free];
  assert.equal(await findFreePort(host, given, () => picks.shift() ?? 0), free);
  assert.deepEqual([...given], [1, free]);
  await assert.rejects(
    findFreePort(host, given, () => used),
    /no free port between 20000 and 29999/,
  );
  server.close();
});

test('another error than a port in use is told', async () => {
  await assert.rejects(findFreePort('192.0.2.1', new Set()), { code: 'EADDRNOTAVAIL' });
});
