import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { emptySnapshot } from '../telemetry/index.ts';
import { readProxyMessage, type ProxyMessage } from './messages.ts';

const messages: readonly ProxyMessage[] = [
  { type: 'csr', csrPem: 'x' },
  { type: 'listening', port: 'a/1', host: '127.0.0.1', number: 1 },
  { type: 'bind-failed', port: 'a/1', message: 'EACCES' },
  { type: 'applied', version: 3 },
  { type: 'descriptors', service: 'a.b.svc', source: { files: [new Uint8Array(2)], services: ['a.B'] } },
  { type: 'metrics', id: 1, snapshot: emptySnapshot },
  { type: 'key-missing', url: 'https://issuer/keys' },
  { type: 'listener', port: 'gateway/default/gw/80' },
  { type: 'listeners-passed' },
  { type: 'log', line: 'hello' },
  { type: 'identity-error', message: 'expired' },
];

test('every message is read as it was sent', () => {
  for (const message of messages) assert.deepEqual(readProxyMessage(structuredClone(message)), message);
});

test('a message without one of its parts, or with one of a wrong type, is none', () => {
  for (const message of messages) {
    for (const key of Object.keys(message)) {
      assert.equal(readProxyMessage({ ...message, [key]: undefined }), undefined, `${message.type} without ${key}`);
      assert.equal(
        readProxyMessage({ ...message, [key]: { odd: true } }),
        undefined,
        `${message.type} with odd ${key}`,
      );
    }
  }
  for (const number of [0, 65_536, 1.5, Number.NaN]) {
    assert.equal(readProxyMessage({ type: 'listening', port: 'a', host: 'b', number }), undefined);
  }
});

test('long lines are cut, and nothing makes the reader throw', () => {
  const read = readProxyMessage({ type: 'log', line: 'x'.repeat(10_000) });
  assert.equal(read?.type === 'log' && read.line.length, 4097);
  const type = fc.constantFrom(...messages.map((message) => message.type));
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.record({ type, port: fc.anything(), source: fc.anything(), id: fc.anything() })),
      (value) => {
        assert.doesNotThrow(() => readProxyMessage(value));
      },
    ),
    { seed: 20_261_122, numRuns: 500 },
  );
});
