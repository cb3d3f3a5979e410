/** Limits of reflection: at them, and one past them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestHead } from '../../test/interop/raw-mesh.ts';
import {
  build,
  Frame,
  INITIAL_WINDOW_SIZE,
  message,
  rawClient,
  type RawConnection,
} from '../../test/interop/raw-peer.ts';
import { gatewayId, gatewayPortId, proxyPlan, publicHost, serviceHost } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { reflectingApplication } from '../../test/kit/reflecting-application.ts';
import { TimerWheel } from '../transport/index.ts';
import { defaultProxyLimits, type ProxyLimits } from './limits.ts';
import { askReflection, type ReflectionOutcome } from './reflection-query.ts';

test('descriptorBytes: all descriptors of a workload together', async (t) => {
  const application = await reflectingApplication();
  const wheel = new TimerWheel();
  t.after(() => {
    wheel.close();
    application.close();
  });
  const learn = async (limits: Partial<ProxyLimits>): Promise<ReflectionOutcome & { readonly type: 'learned' }> => {
    const outcome = await new Promise<ReflectionOutcome>((onEnd) => {
      const all = { ...defaultProxyLimits, ...limits };
      askReflection({ address: application.address, authority: publicHost, wheel, limits: all, onEnd });
    });
    return outcome.type === 'learned' ? outcome : assert.fail(JSON.stringify(outcome));
  };
  const { source } = await learn({});
  const bytes = source.files.reduce((sum, file) => sum + file.byteLength, 0);
  assert.ok(source.files.length >= 1);
  const at = await learn({ descriptorBytes: bytes });
  assert.deepEqual([at.source.files.length, at.problems], [source.files.length, []]);
  const past = await learn({ descriptorBytes: bytes - 1 });
  assert.deepEqual(past.problems, [`descriptors are larger than ${bytes - 1} bytes`]);
  assert.equal(past.source.files.length, source.files.length - 1);
});

const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const head = requestHead.map(([name, value]) => [name, name === ':path' ? path : value] as const);

/**
 * ServerReflectionRequest { file_containing_symbol }, in two frames. What came of an unfinished request is credited at once;
 * credit is sent from half a window on, which is here with the second frame of the second request.
 */
function question(): Uint8Array[] {
  const symbol = Buffer.alloc(20_000, 'x');
  // Field 4, of a length in three bytes of 7 bits.
  const body = Buffer.concat([Buffer.of(0x22, 0xa0, 0x9c, 0x01), symbol]);
  const whole = Buffer.concat([Buffer.of(0, 0, 0, 0, 0), body]);
  whole.writeUInt32BE(body.length, 1);
  return [build.data(1, whole.subarray(0, 12_000)), build.data(1, whole.subarray(12_000))];
}

async function asking(limits: Partial<ProxyLimits>, windowBytes: number) {
  const gateway: TestProxy = await startProxy(gatewayId, { limits });
  await gateway.apply(proxyPlan({ gatewayEndpoints: [], reflection: true }));
  gateway.proxy.setDescriptors(new Map([[serviceHost, { files: [], services: [] }]]));
  const client = rawClient(gateway.addressOf(gatewayPortId), { settings: [[INITIAL_WINDOW_SIZE, windowBytes]] });
  client.send(build.headers(1, head), ...question());
  // The response begins with the first answer.
  await client.seen(({ type, id }) => type === Frame.HEADERS && id === 1);
  await client.settled();
  return { gateway, client };
}

function hasCredit(client: RawConnection): boolean {
  return client.frames.some(({ type, id }) => type === Frame.WINDOW_UPDATE && id === 1);
}

test('reflectionQueueBytes: a request is answered while less than that waits for the client', async (t) => {
  const measuring = await asking({}, 100_000);
  const answerBytes = measuring.client
    .of(1)
    .reduce((sum, { type, payload }) => sum + (type === 0 ? payload.length : 0), 0);
  measuring.client.destroy();
  await measuring.gateway.proxy.close();
  assert.ok(answerBytes > message(0).length);
  for (const [reflectionQueueBytes, isAnswered] of [
    [answerBytes, false],
    [answerBytes + 1, true],
  ] as const) {
    const { gateway, client } = await asking({ reflectionQueueBytes }, 0);
    t.after(() => {
      client.destroy();
      return gateway.proxy.close();
    });
    assert.equal(hasCredit(client), false);
    client.send(...question());
    await client.settled();
    // What is answered is credited; what waits is not, which stops the client.
    assert.equal(hasCredit(client), isAnswered, `${reflectionQueueBytes}`);
    client.send(build.windowUpdate(1, 2 * answerBytes));
    await client.seen(() => {
      const sent = client.of(1).reduce((sum, { type, payload }) => sum + (type === 0 ? payload.length : 0), 0);
      return sent === 2 * answerBytes;
    });
  }
});
