/** ClientHellos: the answer does not depend on how bytes arrive, and a name it gives is one that stands there. */
import assert from 'node:assert/strict';
import { ClientHelloReader, type ClientHelloResult } from '../../../src/transport/client-hello.ts';
import { alpnExtension, clientHello, extension, records, serverNameExtension } from '../../kit/client-hello-bytes.ts';
import type { FuzzTarget } from '../target.ts';

function read(input: Buffer, size: number): ClientHelloResult {
  const reader = new ClientHelloReader();
  let result: ClientHelloResult = { type: 'incomplete' };
  for (let at = 0; at < input.length; at += size) {
    result = reader.push(input.subarray(at, at + size));
    if (result.type !== 'incomplete') break;
  }
  return result;
}

function run(input: Buffer): void {
  const whole = read(input, Math.max(1, input.length));
  for (const size of [1, 3, 64]) assert.deepEqual(read(input, size), whole);
  if (whole.type !== 'hello') return;
  const { sni, alpn } = whole.hello;
  assert.match(sni, /^[a-z0-9_.-]{0,253}$/);
  // Record headers may stand anywhere in between, so each byte is looked for after the one before.
  let at = 0;
  for (const letter of sni) {
    at = input.toString('latin1').toLowerCase().indexOf(letter, at) + 1;
    assert.ok(at > 0);
  }
  assert.ok(alpn.every((protocol) => protocol.length > 0));
}

const name = serverNameExtension('api.example.com');
const message = clientHello({ extensions: [extension(0x0a0a), name, alpnExtension(['h2', 'istio'])] });

export const clientHelloTarget: FuzzTarget = {
  name: 'client-hello',
  covers: /src\/transport\/client-hello/,
  seeds: [
    records(message),
    records(message, 7),
    records(clientHello({ withoutExtensions: true })),
    records(clientHello({ extensions: [serverNameExtension('a', { twice: true })] })),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  ],
  tokens: [name, alpnExtension(['istio']), extension(0xfe0d, Buffer.alloc(8)), Buffer.from('160301', 'hex')],
  run,
};
