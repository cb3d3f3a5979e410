import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import {
  allowPolicy,
  gatewayId,
  gatewayPortId,
  proxyPlan,
  publicHost,
  serviceHost,
  type ProxyPlanSpec,
} from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { reflectingApplication } from '../../test/kit/reflecting-application.ts';
import { startScripted } from '../../test/kit/proxy-scripted.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import { TimerWheel } from '../transport/index.ts';
import type { Address } from './index.ts';
import { defaultProxyLimits } from './limits.ts';
import { DescriptorWatch } from './reflection-learn.ts';
import { askReflection, type ReflectionOutcome } from './reflection-query.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function reflecting(): Promise<Address> {
  const { address, close } = await reflectingApplication();
  cleanups.push(close);
  return address;
}

function ask(address: Address, authority = publicHost): Promise<ReflectionOutcome> {
  const wheel = new TimerWheel();
  cleanups.push(() => wheel.close());
  return new Promise((resolve) => {
    askReflection({ address, authority, wheel, limits: defaultProxyLimits, onEnd: resolve });
  });
}

async function learnedFrom(application: Address): Promise<DescriptorSource> {
  const outcome = await ask(application);
  assert.equal(outcome.type, 'learned');
  return outcome.source;
}

async function gatewayOf(spec: Partial<ProxyPlanSpec> = {}): Promise<TestProxy> {
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [], reflection: true, ...spec }));
  return gateway;
}

describe('learning from a workload', () => {
  test('the sidecar reports what its workload serves', async () => {
    const mesh = await startMesh({ application: await reflecting() });
    cleanups.push(() => mesh.close());
    await mesh.sidecar.logged(() => mesh.sidecar.learned.length > 0);
    const [source] = mesh.sidecar.learned;
    assert.ok(source?.services?.includes('test.Echo'));
    assert.ok((source?.files.length ?? 0) > 0);
  });

  test('v1alpha is asked when v1 is not implemented, and none is an answer too', async () => {
    const paths: string[] = [];
    const backend = await startScripted({
      onRequest: (request) => {
        paths.push(request.path);
        request.end(12);
      },
    });
    cleanups.push(() => backend.close());
    assert.deepEqual(await ask(backend.address), { type: 'not-offered' });
    assert.deepEqual(paths, [
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
    ]);
  });

  test('a workload that is not there is asked again, also where it moves to', async () => {
    const gone = await startScripted({ onRequest: () => undefined });
    await gone.close();
    assert.equal((await ask(gone.address)).type, 'failed');
    const wheel = new TimerWheel();
    const learned = Promise.withResolvers<DescriptorSource>();
    const watch = new DescriptorWatch({
      address: gone.address,
      authority: serviceHost,
      wheel,
      random: () => 0,
      limits: defaultProxyLimits,
      log: () => undefined,
      onLearned: learned.resolve,
    });
    cleanups.push(
      () => wheel.close(),
      () => watch.close(),
    );
    watch.follow(await reflecting());
    assert.ok((await learned.promise).services?.includes('test.Echo'));
  });
});

describe('reflection at the gateway', () => {
  test('lists what the host routes, and nothing else', async () => {
    const source = await learnedFrom(await reflecting());
    const gateway = await gatewayOf();
    gateway.proxy.setDescriptors(new Map([[serviceHost, source]]));
    const outcome = await ask(gateway.addressOf(gatewayPortId));
    assert.equal(outcome.type, 'learned');
    assert.deepEqual(outcome.source.services, ['test.Echo']);
    const [file] = outcome.source.files;
    assert.ok(!Buffer.from(file ?? []).includes('Hidden'));
  });

  test('is silent for hosts that are not served, for other clusters, and when switched off', async () => {
    const source = await learnedFrom(await reflecting());
    const gateway = await gatewayOf();
    const address = gateway.addressOf(gatewayPortId);
    gateway.proxy.setDescriptors(new Map([['elsewhere.default.svc.cluster.local', source]]));
    const other = await ask(address);
    assert.equal(other.type, 'learned');
    assert.deepEqual(other.source.services, []);
    assert.equal((await ask(address, 'other.example.com')).type, 'not-offered');
    await gateway.apply(proxyPlan({ gatewayEndpoints: [], reflection: false }));
    assert.equal((await ask(address)).type, 'not-offered');
  });

  test('names in its log the descriptors that cannot be used, and serves the rest', async () => {
    const gateway = await gatewayOf();
    const source = await learnedFrom(await reflecting());
    const files = [...source.files, Uint8Array.of(0xff)];
    gateway.proxy.setDescriptors(new Map([[serviceHost, { ...source, files }]]));
    const outcome = await ask(gateway.addressOf(gatewayPortId));
    assert.equal(outcome.type, 'learned');
    assert.deepEqual(
      gateway.logLines
        .filter((line) => line.startsWith('reflection: '))
        .map((line) => line.replace(/descriptor: .*/, '')),
      [`reflection: ${serviceHost}: not a file `],
    );
  });

  test("obeys the gateway's policies", async () => {
    const gateway = await gatewayOf({ gatewayPolicies: [allowPolicy(gatewayId, 'cluster.local/ns/x/sa/nobody')] });
    gateway.proxy.setDescriptors(new Map([[serviceHost, { files: [], services: [] }]]));
    assert.deepEqual(await ask(gateway.addressOf(gatewayPortId)), { type: 'failed', detail: 'grpc-status 7' });
  });

  test('a route of its own wins', async () => {
    const gateway = await gatewayOf({ gatewayEndpoints: [await reflecting()], pathPrefix: '/' });
    const outcome = await ask(gateway.addressOf(gatewayPortId));
    assert.equal(outcome.type, 'learned');
    assert.ok(outcome.source.services?.includes('test.Hidden'));
  });
});
