/**
 * The real HAProxy on both sides of the path: grpc-js → HAProxy → gateway, mesh hop, sidecar → HAProxy → grpc-js. It gives
 * credit, batches and half-closes in ways of its own.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../attacks/arena/free-port.ts';
import type { CaseName } from './cases.ts';
import { serverName, type Target } from './clients/client.ts';
import type { RunningServer } from './servers/running.ts';
import { stacks, type CaseResults } from './stacks.ts';
import { startWholePath, type Transport, type WholePath } from './whole-path.ts';

const skip = spawnSync('haproxy', ['-v']).status === 0 ? false : 'haproxy is not installed (Debian package haproxy)';

/** One of each kind of call, both directions of metadata, each way to end. */
const names: readonly CaseName[] = [
  'large_unary',
  'empty_stream',
  'ping_pong',
  'client_streaming',
  'server_streaming',
  'custom_metadata',
  'special_status_message',
  'status_code_and_message',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
];
const transports: readonly Transport[] = ['plaintext', 'tls'];

const directory = mkdtempSync(join(tmpdir(), 'sallyport-haproxy-'));
const proxies: ChildProcess[] = [];
const fronts = new Map<Transport, number>();
let server: RunningServer;
let path: WholePath;

before(async () => {
  if (skip !== false) return;
  server = await stacks['grpc-js'].start();
  path = await startWholePath({ haproxy: await startHaproxy('server', { port: server.port }) });
  for (const transport of transports)
    fronts.set(transport, await startHaproxy(transport, path.target('haproxy', transport)));
});

after(async () => {
  for (const proxy of proxies) proxy.kill('SIGKILL');
  await path?.close();
  await server?.close();
  rmSync(directory, { recursive: true });
});

/** A HAProxy in front of `target`; the port on which it takes HTTP/2 with prior knowledge. */
async function startHaproxy(name: string, { port: targetPort, caPem }: Target): Promise<number> {
  const port = await freePort();
  const caFile = join(directory, `${name}.pem`);
  if (caPem !== undefined) writeFileSync(caFile, caPem);
  const tls = `ssl verify required ca-file ${caFile} verifyhost ${serverName} sni str(${serverName}) alpn h2`;
  const file = join(directory, `${name}.cfg`);
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen ${name}
  bind 127.0.0.1:${port} proto h2
  server one 127.0.0.1:${targetPort} ${caPem === undefined ? 'proto h2' : tls}
`,
  );
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  proxies.push(child);
  while (!(await listens(port))) assert.equal(child.exitCode, null, 'haproxy ended');
  return port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

for (const transport of transports)
  describe(`HAProxy as client and server, ${transport}, mesh`, { skip }, () => {
    let outcomes: CaseResults;

    before(async () => {
      const settings = { soakIterations: 5, concurrentCalls: 50 };
      outcomes = await stacks['grpc-js'].runCases(names, { port: fronts.get(transport) ?? 0 }, settings);
    });

    for (const name of names)
      test(name, () => {
        assert.ok(outcomes.has(name), 'the case ran');
        assert.equal(outcomes.get(name), undefined);
      });
  });
