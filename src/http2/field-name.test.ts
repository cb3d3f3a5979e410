import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldKind, fieldKindOf, isTransientName } from './field-kind.ts';
import { fieldName, permanentFieldName } from './field-name.ts';
import { latin1Text, writeLatin1 } from './latin1.ts';

/** Each name that something decides on; `transient`: a credential, or different in each request. */
const names: readonly (readonly [name: string, kind: keyof typeof FieldKind, transient?: 'transient'])[] = [
  [':method', 'method'],
  [':scheme', 'scheme'],
  [':path', 'path'],
  [':authority', 'authority'],
  [':status', 'status'],
  ['te', 'te'],
  ['content-type', 'contentType'],
  ['content-length', 'contentLength'],
  ['host', 'host'],
  ['grpc-timeout', 'grpcTimeout', 'transient'],
  ['grpc-status', 'grpcStatus'],
  ['grpc-message', 'grpcMessage', 'transient'],
  ['grpc-status-details-bin', 'grpcStatusDetails', 'transient'],
  ['traceparent', 'traceparent', 'transient'],
  ['tracestate', 'tracestate', 'transient'],
  ['cookie', 'cookie', 'transient'],
  ['set-cookie', 'setCookie', 'transient'],
  ['user-agent', 'userAgent'],
  ['x-forwarded-client-cert', 'xForwardedClientCert', 'transient'],
  ['x-forwarded-for', 'xForwarded'],
  ['x-forwarded-', 'xForwarded'],
  ['x-envoy-attempt-count', 'xEnvoy'],
  ['x-envoy-', 'xEnvoy'],
  ['x-request-id', 'xRequestId', 'transient'],
  ['authorization', 'authorization', 'transient'],
  ['proxy-authorization', 'other', 'transient'],
  ['baggage', 'other', 'transient'],
  ['x-b3-traceid', 'other', 'transient'],
  ['x-b3-spanid', 'other', 'transient'],
  ['grpc-encoding', 'grpcEncoding'],
  ['grpc-accept-encoding', 'grpcAcceptEncoding'],
  ['forwarded', 'forwarded'],
  ['via', 'via'],
  ['expect', 'expect'],
  ['date', 'date', 'transient'],
  ['x-real-ip', 'proxyClaim'],
  ['x-client-ip', 'proxyClaim'],
  ['x-cluster-client-ip', 'proxyClaim'],
  ['true-client-ip', 'proxyClaim'],
  ['x-original-url', 'proxyClaim'],
  ['x-rewrite-url', 'proxyClaim'],
  ['x-istio-attributes', 'proxyClaim'],
  ['x-ssl-client-cert', 'proxyClaim'],
  ['x-client-cert', 'proxyClaim'],
  ['client-cert', 'proxyClaim'],
  ['client-cert-chain', 'proxyClaim'],
  ['x-forwarded', 'other'],
  ['x-envoy', 'other'],
  ['x-user', 'other'],
  ['', 'other'],
];

for (const [name, kind, transient] of names) {
  test(`"${name}" is ${kind}${transient === undefined ? '' : ', and never kept'}`, () => {
    assert.equal(fieldKindOf(name), FieldKind[kind]);
    assert.equal(isTransientName(name, FieldKind[kind]), transient !== undefined);
  });
}

test('all kinds are named above, and are different numbers', () => {
  const named = new Set(names.map(([, kind]) => kind));
  assert.deepEqual(
    Object.keys(FieldKind).filter((kind) => !named.has(kind as keyof typeof FieldKind)),
    [],
  );
  assert.equal(new Set(Object.values(FieldKind)).size, Object.keys(FieldKind).length);
});

/** As many names as one generation of the cache holds. */
const generation = 512;

test('a name that comes again has the same record, until enough others came', () => {
  const first = fieldName('x-first');
  assert.equal(fieldName('x-first'), first);
  for (let i = 0; i < generation; i++) fieldName(`x-a-${i}`);
  assert.equal(fieldName('x-first'), first, 'the older generation is still known, and makes it young again');
  for (let i = 0; i < 3 * generation; i++) fieldName(`x-b-${i}`);
  const again = fieldName('x-first');
  assert.notEqual(again, first);
  assert.deepEqual({ ...again, seed: 0 }, { ...first, seed: 0 });
});

test('names of more than 64 characters are read and not remembered', () => {
  const kept = 'x'.repeat(64);
  assert.equal(fieldName(kept), fieldName(kept));
  assert.notEqual(fieldName(`${kept}x`), fieldName(`${kept}x`));
});

test('the program’s own names are never forgotten', () => {
  const own = permanentFieldName('x-own-name');
  for (let i = 0; i < 3 * generation; i++) fieldName(`x-c-${i}`);
  assert.equal(fieldName('x-own-name'), own);
  assert.equal(permanentFieldName('x-own-name'), own);
});

test('seeds of names differ', () => {
  const seeds = Array.from({ length: 1_000 }, (_, i) => fieldName(`x-d-${i}`).seed);
  assert.equal(new Set(seeds).size, seeds.length);
});

test('text is written whole and touches nothing beside it, short or long', () => {
  for (const length of [0, 1, 23, 24, 25, 26, 300]) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode((i * 7 + 200) % 256)).join('');
    const target = Buffer.alloc(length + 2, 0x2e);
    writeLatin1(text, target, 1);
    assert.equal(latin1Text(target, 0, length + 2), `.${text}.`);
  }
});

test('a name with a kind of its own must be a token all the same; pseudo-header names need not', () => {
  for (const name of ['x-forwarded-a b', 'x-forwarded-A', 'x-envoy-\n', 'x-envoy-:', 'x-forwarded-\0'])
    assert.equal(fieldName(name).isMalformed, true, JSON.stringify(name));
  for (const name of [':status', ':method', 'x-forwarded-for', 'x-envoy-a'])
    assert.equal(fieldName(name).isMalformed, false, name);
});
