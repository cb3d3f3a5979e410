/** A new client beside one that is at work, through a real proxy. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { fieldOf, headWith, requestHead } from '../../test/interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, Frame, rawClient, type RawConnection } from '../../test/interop/raw-peer.ts';
import { gatewayId, gatewayPortId, proxyPlan } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import { startScripted, type ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { KNOWN_AFTER_CALLS } from '../transport/transport-limits.ts';

const full = END_HEADERS | END_STREAM;
const heldHead = headWith({ 'x-held': 'yes' });
const slowStartRequests = 4;

interface Scene {
  readonly client: () => RawConnection;
  /** Those that the application has and keeps. */
  readonly held: ScriptedRequest[];
  readonly heldCount: (count: number) => Promise<void>;
}

async function start(t: TestContext, slowStartMs: number): Promise<Scene> {
  const held: ScriptedRequest[] = [];
  const watchers: (() => void)[] = [];
  const backend = await startScripted({
    onRequest: (request) => {
      if (request.header('x-held') === undefined) return;
      held.push(request);
      for (const watcher of watchers.splice(0)) watcher();
    },
    onEnd: (request) => {
      if (request.header('x-held') === undefined) request.end(0);
    },
  });
  t.after(() => backend.close());
  const gateway = await startProxy(gatewayId, { limits: { slowStartRequests, slowStartMs } });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
  return {
    client: () => {
      const client = rawClient(gateway.addressOf(gatewayPortId));
      t.after(() => client.destroy());
      return client;
    },
    held,
    heldCount: async (count) => {
      while (held.length < count) await new Promise<void>((resolve) => watchers.push(resolve));
    },
  };
}

async function call(client: RawConnection, id: number): Promise<void> {
  client.send(build.headers(id, requestHead, full));
  const frames = await client.ended(id);
  assert.equal(fieldOf(frames.findLast(({ type }) => type === Frame.HEADERS)?.fields, 'grpc-status'), '0');
}

/** Answers the id of its next request. */
async function becomeKnown(client: RawConnection): Promise<number> {
  for (let i = 0; i < KNOWN_AFTER_CALLS; i++) await call(client, 1 + 2 * i);
  return 1 + 2 * KNOWN_AFTER_CALLS;
}

function hold(client: RawConnection, from: number, count: number): void {
  client.send(Buffer.concat(Array.from({ length: count }, (_, i) => build.headers(from + 2 * i, heldHead, full))));
}

const never = 3_600_000;

test('all requests of a known client go on at once', async (t) => {
  const scene = await start(t, never);
  const known = scene.client();
  const id = await becomeKnown(known);
  hold(known, id, 3 * slowStartRequests);
  await scene.heldCount(3 * slowStartRequests);
});

test('beside a client that is at work a new one has so many under way; each that completes makes room for two', async (t) => {
  const scene = await start(t, never);
  const known = scene.client();
  const id = await becomeKnown(known);
  const client = scene.client();
  hold(client, 1, slowStartRequests + 3);
  await scene.heldCount(slowStartRequests);
  // What was let through with those would be there before this answer.
  await call(known, id);
  assert.equal(scene.held.length, slowStartRequests);
  scene.held[0]?.end(0);
  await scene.heldCount(slowStartRequests + 2);
  await call(known, id + 2);
  assert.equal(scene.held.length, slowStartRequests + 2);
  scene.held[1]?.end(0);
  await scene.heldCount(slowStartRequests + 3);
});

test('calls that this proxy refused make nobody known', async (t) => {
  const scene = await start(t, never);
  const known = scene.client();
  const id = await becomeKnown(known);
  const client = scene.client();
  const stray = headWith({ ':path': '/no.Such/Method', 'content-type': 'text/plain' });
  for (let i = 0; i < KNOWN_AFTER_CALLS; i++) {
    client.send(build.headers(1 + 2 * i, stray, full));
    await client.ended(1 + 2 * i);
  }
  hold(client, 1 + 2 * KNOWN_AFTER_CALLS, slowStartRequests + 1);
  await scene.heldCount(slowStartRequests);
  await call(known, id);
  assert.equal(scene.held.length, slowStartRequests);
});

test('streams that never end let the others begin after a time, in order, with what came of their bodies', async (t) => {
  const scene = await start(t, 1);
  await becomeKnown(scene.client());
  const client = scene.client();
  const count = 3 * slowStartRequests;
  const frames: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const head = headWith({ 'x-held': 'yes', 'x-index': String(i) });
    frames.push(build.headers(1 + 2 * i, head, END_HEADERS), build.data(1 + 2 * i, Buffer.alloc(100)));
  }
  client.send(Buffer.concat(frames));
  await scene.heldCount(count);
  assert.deepEqual(
    scene.held.map((request) => request.header('x-index')),
    Array.from({ length: count }, (_, i) => String(i)),
  );
});

test('a request whose deadline passes while it waits is answered, and the application never sees it', async (t) => {
  const scene = await start(t, never);
  const known = scene.client();
  const id = await becomeKnown(known);
  const client = scene.client();
  hold(client, 1, slowStartRequests);
  await scene.heldCount(slowStartRequests);
  const late = 1 + 2 * slowStartRequests;
  client.send(build.headers(late, headWith({ 'x-held': 'yes', 'grpc-timeout': '20m' }), full));
  const frames = await client.ended(late);
  assert.equal(fieldOf(frames.findLast(({ type }) => type === Frame.HEADERS)?.fields, 'grpc-status'), '4');
  scene.held[0]?.end(0);
  await client.ended(1);
  await call(known, id);
  assert.equal(scene.held.length, slowStartRequests);
});
