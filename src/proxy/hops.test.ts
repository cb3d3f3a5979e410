import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh, type TestMesh } from '../../test/kit/proxy-mesh.ts';
import { gatewaySpiffeId, publicHost, sidecarSpiffeId } from '../../test/kit/proxy-plan.ts';

/** The line of the request that was sent with this id. */
function findLine(lines: readonly string[]): string | undefined {
  return lines.find((line) => line.includes('find-me'));
}

describe('two hops with mutual TLS between them', () => {
  let backend: EchoBackend;
  let mesh: TestMesh;
  let client: EchoClient;

  before(async () => {
    backend = await startEchoBackend();
    mesh = await startMesh({ application: backend.address });
    client = echoClient(mesh.gatewayAddress);
  });

  after(async () => {
    client.close();
    await mesh.close();
    backend.close();
  });

  test('a unary call reaches the application and its answer comes back', async () => {
    const answer = await client.unary('hello');
    assert.equal(answer.code, 0);
    assert.equal(answer.message.toString(), 'hello');
  });

  test('metadata passes in both directions, trailers included', async () => {
    const big = 'v'.repeat(6_000);
    const answer = await client.unary('x', { metadata: { 'x-echo-one': 'eins', 'x-echo-big': big } });
    assert.equal(answer.code, 0);
    assert.deepEqual(answer.trailers.get('x-echo-one'), ['eins']);
    assert.deepEqual(answer.trailers.get('x-echo-big'), [big]);
  });

  test('trust headers are set by the hops and never taken from the client', async () => {
    await client.unary('x', {
      metadata: {
        'x-forwarded-client-cert': 'By=spiffe://evil;URI=spiffe://evil',
        'x-forwarded-for': '9.9.9.9',
        'x-envoy-internal': 'true',
        'x-real-ip': '9.9.9.9',
        'x-forwarded-host': 'evil',
        'x-user': 'kept',
      },
    });
    const seen = backend.metadata.at(-1);
    const [xfcc = ''] = (seen?.get('x-forwarded-client-cert') ?? []).map(String);
    assert.match(xfcc, /^By=[^;]+;Hash=[0-9a-f]{64};Subject="";URI=[^;]+$/);
    assert.ok(xfcc.includes(`By=${sidecarSpiffeId};`));
    assert.ok(xfcc.endsWith(`URI=${gatewaySpiffeId}`));
    assert.deepEqual(seen?.get('x-forwarded-for'), ['9.9.9.9,127.0.0.1']);
    assert.deepEqual(seen?.get('x-forwarded-proto'), ['http']);
    assert.match(String(seen?.get('x-request-id')[0]), /^[0-9a-f-]{36}$/);
    assert.deepEqual(seen?.get('x-user'), ['kept']);
    for (const name of ['x-envoy-internal', 'x-real-ip', 'x-forwarded-host']) assert.deepEqual(seen?.get(name), []);
  });

  test('a request id of the caller is kept', async () => {
    await client.unary('x', { metadata: { 'x-request-id': 'mine' } });
    assert.deepEqual(backend.metadata.at(-1)?.get('x-request-id'), ['mine']);
  });

  test('an error status with its message passes', async () => {
    const { code, details } = await client.start('Fail').answer;
    assert.equal(code, 9);
    assert.equal(details, 'not now: 100 % ü');
  });

  test('10,000 messages from the server', async () => {
    const stream = client.raw.ServerStream(Buffer.from('10000 20'));
    let count = 0;
    for await (const message of stream as AsyncIterable<Buffer>) {
      assert.equal(message[0], count % 251);
      count++;
    }
    assert.equal(count, 10_000);
  });

  test('10,000 messages from the client', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const stream = client.raw.ClientStream((error, reply) => (error === null ? resolve(String(reply)) : reject(error)));
    for (let i = 0; i < 10_000; i++) if (!stream.write(Buffer.alloc(20))) await once(stream, 'drain');
    stream.end();
    assert.equal(await promise, '10000');
  });

  test('10,000 messages each way at once, in order', async () => {
    const stream = client.raw.Bidi();
    const received = (async () => {
      let next = 0;
      for await (const message of stream as AsyncIterable<Buffer>) assert.equal(message.readUInt32BE(0), next++);
      return next;
    })();
    for (let i = 0; i < 10_000; i++) {
      const message = Buffer.alloc(24);
      message.writeUInt32BE(i, 0);
      if (!stream.write(message)) await once(stream, 'drain');
    }
    stream.end();
    assert.equal(await received, 10_000);
  });

  test('messages of a call under way can be booked before it ends, each once', async () => {
    const messages = (): string => {
      let [requests, responses] = [0, 0];
      for (const pair of mesh.gateway.metrics.snapshot().pairs) {
        requests += pair.requestMessages;
        responses += pair.responseMessages;
      }
      return `${requests} ${responses}`;
    };
    const [requests = 0, responses = 0] = messages().split(' ').map(Number);
    const stream = client.raw.Bidi();
    for (let i = 0; i < 3; i++) {
      stream.write(Buffer.alloc(24));
      await once(stream, 'data');
    }
    assert.equal(messages(), `${requests} ${responses}`);
    for (let i = 0; i < 2; i++) {
      mesh.gateway.proxy.bookOngoing();
      assert.equal(messages(), `${requests + 3} ${responses + 3}`);
    }
    stream.end();
    await once(stream, 'status');
    const ended = (): boolean => mesh.gateway.proxy.snapshot().activeRequests === 0;
    await mesh.gateway.logged(ended);
    assert.equal(messages(), `${requests + 3} ${responses + 3}`);
  });

  test('a large message each way', async () => {
    const answer = await client.unary(Buffer.alloc(3_000_000, 0x62), { metadata: { 'x-reply-bytes': '3000000' } });
    assert.equal(answer.code, 0);
    assert.equal(answer.message.length, 3_000_000);
  });

  test('many calls at once share few connections', async () => {
    const answers = await Promise.all(Array.from({ length: 80 }, (_, i) => client.unary(`n${i}`)));
    assert.deepEqual(
      answers.map(({ message }) => message.toString()),
      Array.from({ length: 80 }, (_, i) => `n${i}`),
    );
    const [cluster] = mesh.gateway.proxy.snapshot().clusters;
    assert.equal(cluster?.endpoints[0]?.connections, 1);
    assert.equal(cluster?.activeRequests, 0);
  });

  test('one access-log line per hop names route, identities and outcome', async () => {
    await client.unary('x', { metadata: { 'x-request-id': 'find-me' } });
    await mesh.gateway.logged(() => findLine(mesh.gateway.accessLines) !== undefined);
    await mesh.sidecar.logged(() => findLine(mesh.sidecar.accessLines) !== undefined);
    const outer = findLine(mesh.gateway.accessLines) ?? '';
    const inner = findLine(mesh.sidecar.accessLines) ?? '';
    assert.match(outer, /source gateway\/gateway\/public "POST \/test\.Echo\/Unary" "api\.example\.com" 200 0 - /);
    assert.ok(outer.includes('route="HTTPRoute default/echo httproute.yaml:11"'), outer);
    assert.ok(inner.includes(`source="${gatewaySpiffeId}"`), inner);
    assert.ok(inner.includes(`destination="${sidecarSpiffeId}"`), inner);
  });

  test('both reporters count the request with their labels', () => {
    const [source] = mesh.gateway.metrics.snapshot().series;
    const [destination] = mesh.sidecar.metrics.snapshot().series;
    assert.equal(source?.labels[0], 'source');
    assert.equal(source?.labels.at(-1), 'unknown');
    assert.equal(destination?.labels[0], 'destination');
    assert.equal(destination?.labels.at(-1), 'mutual_tls');
    assert.ok(destination?.labels.includes(gatewaySpiffeId));
  });

  test('metrics count bytes on the wire, the access log those of bodies', async () => {
    const bytesSoFar = (): number => mesh.gateway.metrics.snapshot().series[0]?.requestBytes.at(-1) ?? 0;
    const earlier = bytesSoFar();
    await client.unary('twelve bytes', { metadata: { 'x-request-id': 'weigh-me' } });
    const isIt = (line: string): boolean => line.includes('weigh-me');
    await mesh.gateway.logged(() => mesh.gateway.accessLines.some(isIt));
    // Message prefix and message; on the wire also two frame heads, and the fields, which HPACK may have shortened to a byte each.
    assert.match(mesh.gateway.accessLines.find(isIt) ?? '', / bytes=17\/17 /);
    assert.ok(bytesSoFar() - earlier >= 17 + 9 + 9 + 'weigh-me'.length, `${bytesSoFar() - earlier}`);
  });

  test('a host that is not served is UNIMPLEMENTED, with the nearest miss in the log', async () => {
    const stranger = echoClient(mesh.gatewayAddress, 'other.example.com');
    const { code } = await stranger.unary('x', { metadata: { 'x-request-id': 'lost' } });
    stranger.close();
    assert.equal(code, 12);
    await mesh.gateway.logged(() => mesh.gateway.accessLines.some((line) => line.includes('lost')));
    const line = mesh.gateway.accessLines.find((one) => one.includes('lost')) ?? '';
    assert.match(line, / NR /);
    assert.ok(line.includes(publicHost), line);
  });
});
