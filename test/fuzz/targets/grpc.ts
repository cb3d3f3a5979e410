/** gRPC's own formats: timeouts, messages, binary metadata, length prefixes, each against a plain reading of the page. */
import assert from 'node:assert/strict';
import {
  countMessages,
  decodeBinaryMetadata,
  decodeGrpcMessage,
  encodeGrpcMessage,
  encodeMessage,
  formatGrpcTimeout,
  MessageDecoder,
  newMessageCounter,
  parseGrpcTimeout,
} from '../../../src/grpc/index.ts';
import type { FuzzTarget } from '../target.ts';

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_MESSAGE_BYTES = 100;

function run(input: Buffer): void {
  const text = input.toString('latin1');
  timeout(text);
  message(text);
  binary(text);
  framing(input);
}

function timeout(text: string): void {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$(?!\n)/.exec(text) ?? [];
  const parsed = parseGrpcTimeout(text);
  if (digits === undefined || unit === undefined) return assert.equal(parsed, undefined);
  const expected = Number(digits) * (unitMs[unit] ?? 0);
  assert.ok(parsed !== undefined && Math.abs(parsed - expected) <= expected * 1e-9);
  // The next hop never has more time than this one.
  const again = parseGrpcTimeout(formatGrpcTimeout(parsed));
  assert.ok(again !== undefined && again <= parsed && again >= parsed * 0.999_999 - 1e-6, text);
}

function message(text: string): void {
  const encoded = encodeGrpcMessage(text);
  assert.match(encoded, /^[ -~]*$/);
  assert.equal(decodeGrpcMessage(encoded), text);
  decodeGrpcMessage(text);
}

function binary(text: string): void {
  const values = decodeBinaryMetadata(text);
  const parts = text.split(',').map((part) => part.trim().replace(/={0,2}$/, ''));
  const isBase64 = parts.every((part) => /^[A-Za-z0-9+/]*$/.test(part) && part.length % 4 !== 1);
  assert.equal(values !== undefined, isBase64, text);
  values?.forEach((value, index) => {
    // Bits beyond the last byte are dropped, so only what they leave is compared.
    const kept = Math.floor(((parts[index] ?? '').length * 6) / 8);
    assert.equal(value.length, kept);
  });
}

/** The first byte cuts the rest into chunks. */
function framing(input: Buffer): void {
  const step = 1 + (input[0] ?? 0);
  const bytes = input.subarray(1);
  const decoder = new MessageDecoder({ maxMessageBytes: MAX_MESSAGE_BYTES });
  const counter = newMessageCounter();
  const got: Buffer[] = [];
  let isBroken = false;
  for (let at = 0; at < bytes.length; at += step) {
    const chunk = bytes.subarray(at, at + step);
    countMessages(counter, chunk, 0, chunk.length);
    const messages = decoder.push(chunk);
    if (Array.isArray(messages)) got.push(...(messages as Buffer[]));
    else isBroken = true;
  }
  const { messages, prefixes, broken } = readAll(bytes);
  assert.equal(isBroken, broken);
  assert.equal(counter.count, prefixes);
  if (!broken) assert.deepEqual(got, messages);
}

function readAll(bytes: Buffer): { messages: Buffer[]; prefixes: number; broken: boolean } {
  const messages: Buffer[] = [];
  let prefixes = 0;
  let broken = false;
  for (let at = 0; at + 5 <= bytes.length;) {
    const length = bytes.readUInt32BE(at + 1);
    prefixes++;
    if (bytes[at] !== 0 || length > MAX_MESSAGE_BYTES) broken = true;
    if (at + 5 + length <= bytes.length) messages.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return { messages, prefixes, broken };
}

export const grpc: FuzzTarget = {
  name: 'grpc',
  covers: /src\/grpc\/(framing|message|metadata|timeout)/,
  seeds: [
    ...['1S', '99999999H', '0n', '100m', 'plain', 'a%20b', '%', '%zz', 'YWJj', 'YWJj,ZGVm', 'YQ==', 'é\n'].map((text) =>
      Buffer.from(text),
    ),
    Buffer.concat([Buffer.of(2), encodeMessage(Buffer.from('hello')), encodeMessage(Buffer.alloc(0))]),
  ],
  tokens: ['H', 'm', 'u', '9', '%41', '%', '==', ',', ' ']
    .map((text) => Buffer.from(text))
    .concat([
      Buffer.of(0, 0, 0, 0, 0),
      Buffer.of(0, 0, 0, 0, 100),
      Buffer.of(0, 0, 0, 0, 101),
      Buffer.of(1, 0xff, 0xff, 0xff, 0xff),
    ]),
  run,
};
