import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { internField, transientField } from '../http2/index.ts';
import { Exchange } from './exchange.ts';
import { HeadView } from './head-view.ts';
import { checkHead, isGrpcType, readHead, type HeadRules } from './request-head.ts';

const outside: HeadRules = {
  isEdge: true,
  isFirstHop: true,
  remoteIp: '10.0.0.9',
  forwardedFor: internField('x-forwarded-for', '10.0.0.9'),
  forwardedProto: internField('x-forwarded-proto', 'https'),
  scheme: internField(':scheme', 'https'),
  clientCert: undefined,
};
const verified: HeadRules = {
  ...outside,
  isEdge: false,
  isFirstHop: false,
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
  const exchange = new Exchange(() => undefined, false);
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

  test('inside the mesh too, what a request has no use for is left out, and its type is remembered', () => {
    const { lines, exchange } = pass(
      [
        ...pseudo,
        [':authority', 'api'],
        ['content-type', 'application/grpc'],
        ...(['te', 'grpc-status', 'grpc-message', 'expect'] as const).map((name) => [name, 'trailers'] as const),
      ],
      verified,
    );
    assert.deepEqual(
      lines.filter((line) => /^(?:grpc-|expect|te)/.test(line)),
      ['te: trailers'],
    );
    assert.equal(exchange.isGrpc, true);
    assert.equal(exchange.userAgent, '');
    const plain = pass([...pseudo, ['content-type', 'text/plain'], ['user-agent', 'me']], verified).exchange;
    assert.deepEqual([plain.isGrpc, plain.userAgent], [false, 'me']);
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

describe('readHead, by field', () => {
  const believed = [
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'first'],
    ['x-envoy-attempt-count', '1'],
    ['forwarded', 'for=1.1.1.1'],
    ['x-real-ip', '1.1.1.1'],
    ['client-cert', 'MII'],
  ] as const;
  const head = [...pseudo, [':authority', 'api']] as const;

  test('what the edge wrote is believed inside the mesh, and only there', () => {
    const inside = pass([...head, ...believed], verified).lines;
    const edge = pass([...head, ...believed], outside).lines;
    for (const [name, value] of believed) {
      assert.ok(inside.includes(`${name}: ${value}`), name);
      assert.equal(
        edge.filter((line) => line.startsWith(`${name}:`)).join(),
        name === 'x-forwarded-proto' ? `${name}: https` : '',
      );
    }
    assert.ok(inside.includes(':scheme: http'));
  });

  test('a request id is made at the edge alone, and only where none came', () => {
    const own = [...head, ['x-request-id', 'mine']] as const;
    for (const rules of [outside, verified]) {
      const { exchange, lines } = pass(own, rules);
      assert.equal(exchange.requestId, 'mine');
      assert.deepEqual(
        lines.filter((line) => line.startsWith('x-request-id')),
        ['x-request-id: mine'],
      );
    }
    assert.equal(pass(head, verified).exchange.requestId, '');
  });

  test('the certificate of this hop stands alone where none came before', () => {
    const certs = pass(head, verified).lines.filter((line) => line.startsWith('x-forwarded-client-cert'));
    assert.deepEqual(certs, ['x-forwarded-client-cert: By=me;URI=peer']);
    const edge = { ...outside, clientCert: internField('x-forwarded-client-cert', 'By=me') };
    const spoofed = pass([...head, ['x-forwarded-client-cert', 'URI=evil']], edge).lines;
    assert.ok(spoofed.includes('x-forwarded-client-cert: By=me'));
  });

  test('the agent is remembered, what asks for 100 is not passed on, and no host moves nothing', () => {
    const { exchange, lines } = pass([...head, ['user-agent', 'me'], ['expect', '100-continue']], outside);
    assert.equal(exchange.userAgent, 'me');
    assert.ok(lines.includes('user-agent: me') && !lines.some((line) => line.startsWith('expect')));
    const alone = pass([...pseudo, ['host', 'other']], outside);
    assert.equal(alone.exchange.timeoutIndex, -1);
    assert.equal(alone.lines.filter((line) => line.includes('undefined')).length, 0);
    assert.deepEqual(
      pass(pseudo, outside).lines.filter((line) => line.startsWith(':authority')),
      [],
    );
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
