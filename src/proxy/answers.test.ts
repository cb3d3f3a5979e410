import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { gatewayId, gatewayPortId, proxyPlan, publicHost } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { internField } from '../http2/index.ts';
import { startScripted, type ScriptedBackend, type ScriptedRequest } from '../../test/kit/proxy-scripted.ts';

interface RawAnswer {
  readonly headers: IncomingHttpHeaders & { readonly ':status'?: number | undefined };
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: string;
  readonly resetCode: number;
}

describe('answers on the wire', () => {
  let backend: ScriptedBackend;
  let gateway: TestProxy;
  let session: ClientHttp2Session;
  let seen: ScriptedRequest | undefined;

  before(async () => {
    backend = await startScripted({
      onRequest: (request) => (seen = request),
      onEnd: (request) => request.end(5),
    });
    gateway = await startProxy(gatewayId, { limits: { answeredRequestMs: 20 } });
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const { host, port } = gateway.addressOf(gatewayPortId);
    session = connect(`http://${host}:${port}`);
    await once(session, 'connect');
  });

  after(async () => {
    session.destroy();
    await gateway.proxy.close();
    await backend.close();
  });

  async function send(
    changes: Record<string, string | undefined>,
    options: { readonly endStream?: boolean } = {},
  ): Promise<RawAnswer> {
    const base: Record<string, string | undefined> = {
      ':method': 'POST',
      ':path': '/test.Echo/Unary',
      ':authority': publicHost,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...changes,
    };
    const headers = Object.fromEntries(Object.entries(base).filter(([, value]) => value !== undefined));
    const stream = session.request(headers, { endStream: options.endStream ?? true });
    stream.on('error', () => undefined);
    let received: RawAnswer['headers'] = {};
    let trailers: IncomingHttpHeaders | undefined;
    let body = '';
    stream.on('response', (fields) => (received = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk) => (body += String(chunk)));
    await once(stream, 'close');
    return { headers: received, trailers, body, resetCode: stream.rstCode ?? -1 };
  }

  test('a trailers-only response stays one HEADERS frame', async () => {
    const { headers, trailers, body } = await send({});
    assert.equal(headers['grpc-status'], '5');
    assert.equal(trailers, undefined);
    assert.equal(body, '');
  });

  test("the proxy's own gRPC answers are trailers-only, also to a request that has not ended", async () => {
    const { headers, trailers, resetCode } = await send({ ':path': '/other.Service/Method' }, { endStream: false });
    assert.equal(headers[':status'], 200);
    assert.equal(headers['content-type'], 'application/grpc');
    assert.equal(headers['grpc-status'], '12');
    assert.equal(headers['grpc-message'], 'no route for this host and method');
    assert.equal(trailers, undefined);
    assert.equal(resetCode, constants.NGHTTP2_NO_ERROR);
  });

  test('what is not gRPC is answered in HTTP, with a short text', async () => {
    const { headers, body } = await send({ 'content-type': 'application/json' });
    assert.equal(headers[':status'], 415);
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(body, 'content-type is not application/grpc');
    assert.equal((await send({ 'content-type': 'application/grpc-web' })).headers[':status'], 415);
    assert.equal((await send({ 'content-type': undefined })).headers[':status'], 415);
  });

  test('methods other than POST and paths of another form never reach the application', async () => {
    const earlier = backend.requests;
    assert.equal((await send({ ':method': 'GET' })).headers['grpc-status'], '12');
    for (const path of [
      '/',
      '/test.Echo',
      '/test.Echo/',
      '/test.Echo/Unary/x',
      '/test.Echo/../Unary',
      '/test.Echo/U?x=1',
      '/test.Echo%2fUnary',
      '//test.Echo/Unary',
    ]) {
      assert.equal((await send({ ':path': path })).headers['grpc-status'], '12', path);
    }
    assert.equal(backend.requests, earlier);
  });

  test('subtypes of application/grpc pass, `te` is sent on in any case', async () => {
    assert.equal((await send({ 'content-type': 'application/grpc+proto', te: undefined })).headers['grpc-status'], '5');
    assert.equal(seen?.header('content-type'), 'application/grpc+proto');
    assert.equal(seen?.header('te'), 'trailers');
  });

  test('the deadline is forwarded as what is left of it; one that is up is answered at once', async () => {
    await send({ 'grpc-timeout': '20S' });
    const forwarded = seen?.header('grpc-timeout') ?? '';
    assert.match(forwarded, /^\d{1,8}m$/);
    assert.ok(Number.parseInt(forwarded, 10) <= 20_000);
    assert.equal((await send({ 'grpc-timeout': '0n' })).headers['grpc-status'], '4');
    await send({ 'grpc-timeout': 'soon' });
    assert.equal(seen?.header('grpc-timeout'), undefined);
  });

  test('an HTTP error of the upstream passes as it is', async () => {
    const html = await startScripted({
      onRequest: () => undefined,
      onEnd: ({ connection, stream }) => {
        const fields = [
          { name: ':status', value: '503' },
          { name: 'content-type', value: 'text/html' },
        ];
        connection.sendHeaders(
          stream,
          fields.map(({ name, value }) => internField(name, value)),
          2,
          true,
        );
      },
    });
    const other = await startProxy(gatewayId);
    await other.apply(proxyPlan({ gatewayEndpoints: [html.address] }));
    const { host, port } = other.addressOf(gatewayPortId);
    const own = connect(`http://${host}:${port}`);
    const stream = own.request(
      {
        ':method': 'POST',
        ':path': '/test.Echo/Unary',
        ':authority': publicHost,
        'content-type': 'application/grpc',
        te: 'trailers',
      },
      { endStream: true },
    );
    const [headers] = (await once(stream, 'response')) as [RawAnswer['headers']];
    assert.equal(headers[':status'], 503);
    own.destroy();
    await other.proxy.close();
    await html.close();
  });
});
