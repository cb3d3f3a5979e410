import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readIntoSharedBuffer } from './read-buffer.ts';

test('accepted sockets read into one buffer, each gets its own bytes, and the end is still told', async () => {
  const received = new Map<string, { text: string; memory: Set<ArrayBufferLike> }>();
  let ended = 0;
  const allEnded = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const entry = { text: '', memory: new Set<ArrayBufferLike>() };
    received.set(`${socket.remotePort}`, entry);
    assert.equal(
      readIntoSharedBuffer(socket, (chunk) => {
        entry.text += chunk.toString('latin1');
        entry.memory.add(chunk.buffer);
        return true;
      }),
      true,
      'this Node has the slots that are looked for',
    );
    socket.on('data', () => assert.fail('no chunk may come past the shared buffer'));
    socket.on('end', () => {
      ended += 1;
      if (ended === 2) allEnded.resolve();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = new Map<string, string>();
  for (const letter of ['a', 'b']) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const text = letter.repeat(200_000);
    sent.set(`${socket.localPort}`, text);
    socket.end(text);
    socket.resume();
  }
  await allEnded.promise;
  server.close();
  const memory = new Set<ArrayBufferLike>();
  for (const [key, text] of sent) {
    assert.ok(received.get(key)?.text === text, `connection ${key} got its own bytes`);
    for (const one of received.get(key)?.memory ?? []) memory.add(one);
  }
  assert.equal(memory.size, 1);
});

test('a socket without a handle of its own keeps its data events', () => {
  assert.equal(
    readIntoSharedBuffer(new Socket(), () => assert.fail('nothing can be read')),
    false,
  );
});
