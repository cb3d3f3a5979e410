import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { internField, transientField } from '../http2/index.ts';
import { Exchange } from './exchange.ts';
import { HeadView } from './head-view.ts';
import { checkHead, isGrpcType, readHead, type HeadRules } from './request-head.ts';

const outside: HeadRules = {
  isEdge: true,
  remoteIp: '10.0.0.9',
  forwardedFor: internField('x-forwarded-for', '10.0.0.9'),
  forwardedProto: internField('x-forwarded-proto', 'https'),
  scheme: internField(':scheme', 'https'),
  clientCert: undefined,
};
const verified: HeadRules = {
  ...outside,
  isEdge: false,
  clientCert: internField('x-forwarded-client-cert', 'By=me;URI=peer'),
};
const unverified: HeadRules = { ...verified, clientCert: undefined };

const pseudo = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
] as const;

/** The head that is sent on, as `name: value` lines. */
function pass(
  fields: readonly (readonly [string, string])[],
  rules: HeadRules,
): { readonly exchange: Exchange; readonly lines: readonly string[] } {
  const exchange = new Exchange(() => undefined);
  const received = fields.map(([name, value]) => transientField(name, value));
  readHead(exchange, received, received.length, rules, () => 'new-id');
  const lines = exchange.head.slice(0, exchange.headCount).map(({ name, value }) => `${name}: ${value}`);
  return { exchange, lines };
}

describe('readHead', () => {
  test('at the edge what outsiders claim is replaced by what is known', () => {
    const { lines } = pass(
      [
        ...pseudo,
        [':authority', 'api'],
        ['content-type', 'application/grpc'],
        ['x-forwarded-for', '1.1.1.1'],
        ['x-forwarded-for', '2.2.2.2'],
        ['x-forwarded-proto', 'https'],
        ['x-forwarded-client-cert', 'URI=evil'],
        ['forwarded', 'for=1.1.1.1'],
        ['x-envoy-original-path', '/x'],
        ['x-real-ip', '1.1.1.1'],
        ['grpc-status', '0'],
        ['te', 'trailers'],
        ['x-user', 'me'],
      ],
      outside,
    );
    assert.deepEqual(lines, [
      ':method: POST',
      ':scheme: https',
      ':path: /a.B/C',
      ':authority: api',
      'content-type: application/grpc',
      'x-user: me',
      'te: trailers',
      'x-forwarded-for: 1.1.1.1,2.2.2.2,10.0.0.9',
      'x-forwarded-proto: https',
      'x-request-id: new-id',
    ]);
  });

  test('inside the mesh a verified peer is believed and its certificate appended', () => {
    const { lines } = pass(
      [...pseudo, [':authority', 'api'], ['x-forwarded-client-cert', 'URI=first'], ['x-forwarded-for', '1.1.1.1']],
      verified,
    );
    assert.ok(lines.includes('x-forwarded-client-cert: URI=first,By=me;URI=peer'));
    assert.ok(lines.includes('x-forwarded-for: 1.1.1.1'));
    assert.ok(!lines.some((line) => line.startsWith('x-request-id')));
  });

  test('a peer without a certificate cannot speak of certificates', () => {
    const { lines } = pass([...pseudo, [':authority', 'api'], ['x-forwarded-client-cert', 'URI=evil']], unverified);
    assert.ok(!lines.some((line) => line.startsWith('x-forwarded-client-cert')));
  });

  test('`:authority` wins over `host`; alone, `host` takes its place, and the rest moves', () => {
    const both = pass([...pseudo, [':authority', 'api'], ['host', 'other']], outside);
    assert.equal(both.exchange.authority, 'api');
    assert.ok(!both.lines.includes('host: other'));
    const alone = pass([...pseudo, ['host', 'other'], ['grpc-timeout', '1S']], outside);
    assert.equal(alone.exchange.authority, 'other');
    assert.deepEqual(alone.lines.slice(0, 5), [
      ':authority: other',
      ':method: POST',
      ':scheme: https',
      ':path: /a.B/C',
      'grpc-timeout: 1S',
    ]);
    assert.equal(alone.exchange.timeoutIndex, 4);
  });
});

describe('HeadView', () => {
  test('shows pseudo-header fields by name, and repeated headers joined and one by one', () => {
    const view = new HeadView();
    const fields = [...pseudo, [':authority', 'api'], ['x-a', '1'], ['x-b', '2'], ['x-a', '3']] as const;
    view.show(
      fields.map(([name, value]) => transientField(name, value)),
      fields.length,
    );
    assert.deepEqual([view.method, view.scheme, view.path, view.authority], ['POST', 'http', '/a.B/C', 'api']);
    assert.equal(view.header('x-a'), '1,3');
    assert.equal(view.headerAt('x-a', 1), '3');
    assert.equal(view.headerAt('x-a', 2), undefined);
    assert.equal(view.header('x-c'), undefined);
  });
});

describe('checkHead', () => {
  test('wants gRPC, POST and a path of two elements, in this order', () => {
    const { exchange } = pass([...pseudo, [':authority', 'api']], outside);
    assert.equal(checkHead(exchange), 'not_grpc');
    exchange.isGrpc = true;
    assert.equal(checkHead(exchange), undefined);
    exchange.path = '/a.B/C/';
    assert.equal(checkHead(exchange), 'invalid_path');
    exchange.method = 'PUT';
    assert.equal(checkHead(exchange), 'method_not_post');
  });

  test('application/grpc is a whole word', () => {
    const yes = ['application/grpc', 'application/grpc+proto', 'application/grpc;charset=x', 'application/grpc ;x'];
    const no = ['application/grpc-web', 'application/grpcx', 'application/json', 'text/application/grpc', ''];
    assert.deepEqual(yes.filter(isGrpcType), yes);
    assert.deepEqual(no.filter(isGrpcType), []);
  });
});
