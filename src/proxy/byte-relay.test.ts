import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { echo, readAll, startByteServer, type ByteServer } from '../../test/kit/byte-server.ts';
import {
  allowPolicy,
  gatewayId,
  gatewayPortId,
  gatewaySpiffeId,
  sidecarId,
  sidecarPortId,
  sidecarSpiffeId,
  type ProxyPlanSpec,
} from '../../test/kit/proxy-plan.ts';
import { enroll, startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { tcpPlan } from '../../test/kit/relay-plan.ts';
import { CertificateAuthority } from '../identity/index.ts';
import type { AuthorizationPolicy } from '../plan/index.ts';
import type { Address, ProxyOptions } from './proxy-api.ts';
import { defaultProxyLimits } from './limits.ts';

const cleanups: (() => unknown)[] = [];
const tenMegabytes = 10 * 1024 * 1024;

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(serve: (socket: Socket) => void): Promise<ByteServer> {
  const started = await startByteServer(serve);
  cleanups.push(() => started.close());
  return started;
}

async function gatewayTo(
  endpoints: readonly Address[],
  spec: Partial<ProxyPlanSpec> = {},
  options: Partial<ProxyOptions> = {},
): Promise<TestProxy> {
  const gateway = await startProxy(gatewayId, options);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(tcpPlan({ gatewayEndpoints: endpoints, ...spec }));
  return gateway;
}

/** Gateway and sidecar with mutual TLS between them. */
async function mesh(
  application: Address,
  spec: Partial<ProxyPlanSpec> = {},
): Promise<{ readonly gateway: TestProxy; readonly sidecar: TestProxy }> {
  const authority = await CertificateAuthority.ephemeral();
  const gateway = await startProxy(gatewayId);
  const sidecar = await startProxy(sidecarId);
  cleanups.push(
    () => gateway.proxy.close(),
    () => sidecar.proxy.close(),
  );
  await enroll(gateway.identity, authority, gatewaySpiffeId);
  await enroll(sidecar.identity, authority, sidecarSpiffeId);
  await sidecar.apply(tcpPlan({ ...spec, application, gatewayEndpoints: [] }));
  const gatewayEndpoints = [sidecar.addressOf(sidecarPortId)];
  await gateway.apply(tcpPlan({ ...spec, application, gatewayEndpoints, gatewayMtls: [sidecarSpiffeId] }));
  return { gateway, sidecar };
}

function dial(proxy: TestProxy, portId = gatewayPortId): Socket {
  const socket = connect({ ...proxy.addressOf(portId), allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  socket.on('error', () => undefined);
  return socket;
}

/** How the proxy's connection ended, from its access log. */
async function logLine(proxy: TestProxy): Promise<string> {
  await proxy.logged(() => proxy.accessLines.length > 0);
  return proxy.accessLines.at(-1) ?? '';
}

function counted(proxy: TestProxy, name: string): number {
  const rows = proxy.counters.snapshot().filter((row) => row.name === name);
  return rows.reduce((sum, { value }) => sum + value, 0);
}

function labelsOf(proxy: TestProxy, name: string): Readonly<Record<string, string>> {
  const row = proxy.counters.snapshot().find((one) => one.name === name);
  return Object.fromEntries(row?.labels ?? []);
}

/** Resolves when the other side is gone: true if it broke off. */
function gone(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve(false));
    socket.once('close', resolve);
    socket.resume();
  });
}

async function exchange(socket: Socket, bytes: Buffer): Promise<Buffer> {
  socket.end(bytes);
  return readAll(socket);
}

describe('relayed bytes', () => {
  test('10 MB each way arrive as they were sent, and are counted', async () => {
    const gateway = await gatewayTo([(await server(echo)).address]);
    const bytes = randomBytes(tenMegabytes);
    assert.ok((await exchange(dial(gateway), bytes)).equals(bytes));
    const line = await logLine(gateway);
    assert.match(line, /source gateway\/gateway\/public "TCP" "" 0 - - /);
    assert.match(line, new RegExp(`bytes=${tenMegabytes}/${tenMegabytes} `));
    assert.equal(counted(gateway, 'istio_tcp_connections_opened_total'), 1);
    assert.equal(counted(gateway, 'istio_tcp_connections_closed_total'), 1);
    assert.equal(counted(gateway, 'istio_tcp_received_bytes_total'), tenMegabytes);
    assert.equal(counted(gateway, 'istio_tcp_sent_bytes_total'), tenMegabytes);
    const labels = labelsOf(gateway, 'istio_tcp_sent_bytes_total');
    assert.equal(Object.keys(labels).join(' '), expectedLabels);
    assert.equal(labels['reporter'], 'source');
    assert.equal(labels['source_workload'], 'public');
    assert.equal(labels['destination_workload'], 'echo');
    assert.equal(labels['destination_service_name'], 'echo');
    assert.equal(labels['request_protocol'], 'tcp');
    assert.equal(labels['response_flags'], '-');
    assert.equal(labels['connection_security_policy'], 'unknown');
  });

  test('through a sidecar with mutual TLS, by the identity of the gateway', async () => {
    const { gateway, sidecar } = await mesh((await server(echo)).address);
    const bytes = randomBytes(tenMegabytes);
    assert.ok((await exchange(dial(gateway), bytes)).equals(bytes));
    assert.match(
      await logLine(sidecar),
      new RegExp(`destination sidecar/default/echo "TCP" .*source="${gatewaySpiffeId}"`),
    );
    const labels = labelsOf(sidecar, 'istio_tcp_received_bytes_total');
    assert.equal(labels['reporter'], 'destination');
    assert.equal(labels['source_principal'], gatewaySpiffeId);
    assert.equal(labels['connection_security_policy'], 'mutual_tls');
    assert.equal(counted(sidecar, 'istio_tcp_received_bytes_total'), tenMegabytes);
  });

  test('a server that speaks first is heard', async () => {
    const greeter = await server((socket) => socket.write('220 ready\n'));
    for (const proxy of [await gatewayTo([greeter.address]), (await mesh(greeter.address)).gateway]) {
      const [bytes] = (await once(dial(proxy), 'data')) as [Buffer];
      assert.equal(bytes.toString(), '220 ready\n');
    }
  });

  test('either side may end its direction while the other goes on', async () => {
    for (const start of [
      async (backend: ByteServer) => gatewayTo([backend.address]),
      async (backend: ByteServer) => (await mesh(backend.address)).gateway,
    ]) {
      const backend = await server(() => undefined);
      const client = dial(await start(backend));
      client.end('question');
      const upstream = await backend.next();
      assert.equal((await readAll(upstream)).toString(), 'question');
      upstream.write('first ');
      const [first] = (await once(client, 'data')) as [Buffer];
      assert.equal(first.toString(), 'first ');
      upstream.end('second');
      assert.equal((await readAll(client)).toString(), 'second');

      const listener = dial(await start(backend));
      listener.write('x');
      const speaker = await backend.next();
      speaker.end('all I have');
      assert.equal((await readAll(listener)).toString(), 'all I have');
      listener.end('yz');
      assert.equal((await readAll(speaker)).toString(), 'xyz');
    }
  });

  test('a reader that stands still stops the writer, and loses nothing', async () => {
    const total = 256 * 1024 * 1024;
    const chunk = Buffer.alloc(1024 * 1024, 7);
    let written = 0;
    const backend = await server((socket) => {
      const push = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', push);
            return;
          }
        }
        socket.end();
      };
      push();
    });
    const client = dial(await gatewayTo([backend.address]));
    client.pause();
    await backend.next();
    // Stopped: nothing more was taken for many turns.
    for (let quiet = 0, seen = written; quiet < 500; quiet++, seen = written) {
      await nextTurn();
      if (written !== seen) quiet = 0;
    }
    assert.ok(written < total / 2, `${written} bytes were taken from the writer`);
    let received = 0;
    client.on('data', (bytes: Buffer) => (received += bytes.length));
    client.resume();
    await once(client, 'end');
    assert.equal(received, total);
  });

  test('a reset of one side is a reset of the other', async () => {
    const backend = await server((socket) => socket.write('hello'));
    const gateway = await gatewayTo([backend.address]);
    const client = dial(gateway);
    await once(client, 'data');
    const upstream = await backend.next();
    const seen = gone(upstream);
    upstream.resume();
    client.resetAndDestroy();
    assert.equal(await seen, true);
    assert.match(await logLine(gateway), / 0 - DC /);

    const second = dial(gateway);
    await once(second, 'data');
    const lost = gone(second);
    (await backend.next()).resetAndDestroy();
    assert.equal(await lost, true);
    await gateway.logged(() => gateway.accessLines.some((line) => line.includes(' 0 - UC ')));
  });

  test('another endpoint is tried when one does not answer; with none left the client is closed', async () => {
    const backend = await server(echo);
    const dead = await startByteServer(echo);
    dead.close();
    const gateway = await gatewayTo([dead.address, backend.address]);
    for (let i = 0; i < 8; i++) {
      assert.equal((await exchange(dial(gateway), Buffer.from('x'))).toString(), 'x');
    }
    const alone = await gatewayTo([dead.address]);
    assert.equal((await exchange(dial(alone), Buffer.from('x')).catch(() => 'reset')).length === 1, false);
    assert.match(await logLine(alone), / 0 - UF .*reason=".*echo.default.svc.cluster.local/);
    assert.equal(labelsOf(alone, 'istio_tcp_connections_closed_total')['response_flags'], 'UF');
    const empty = await gatewayTo([]);
    await gone(dial(empty));
    assert.match(await logLine(empty), / 0 - UH /);
  });

  test('relayIdleMs: an idle connection is closed, at the first report after it', async () => {
    const limits = { relayIdleMs: 30, relayReportMs: 10 };
    const gateway = await gatewayTo(
      [(await server(echo)).address],
      {},
      { limits: { ...defaultProxyLimits, ...limits } },
    );
    await gone(dial(gateway));
    assert.match(await logLine(gateway), / 0 - SI /);
  });

  test('more connections than the DestinationRule allows are refused', async () => {
    const backend = await server(echo);
    const gateway = await gatewayTo([backend.address], { gatewayPool: { maxConnections: 1 } });
    const first = dial(gateway);
    first.write('x');
    await once(first, 'data');
    await gone(dial(gateway));
    assert.match(await logLine(gateway), / 0 - UO /);
    const closed = gone(first);
    first.end();
    await closed;
    await gateway.logged(() => gateway.accessLines.length === 2);
    assert.equal((await exchange(dial(gateway), Buffer.from('again'))).toString(), 'again');
  });

  test('no line is written where Telemetry takes the access log away', async () => {
    const backend = await server(echo);
    const gateway = await gatewayTo([backend.address]);
    const plan = tcpPlan({ gatewayEndpoints: [backend.address] });
    const proxy = plan.proxies[gatewayId];
    assert.ok(proxy !== undefined);
    const origin = { kind: 'Telemetry', namespace: 'default', name: 'quiet', file: 'telemetry.yaml', line: 1 };
    const telemetry = { accessLog: [{ origin, reporter: 'source', disabled: true } as const], metrics: [] };
    await gateway.apply({ ...plan, proxies: { [gatewayId]: { ...proxy, telemetry } } });
    assert.equal((await exchange(dial(gateway), Buffer.from('quiet'))).toString(), 'quiet');
    await gateway.apply(plan);
    assert.equal((await exchange(dial(gateway), Buffer.from('x'))).toString(), 'x');
    await logLine(gateway);
    assert.equal(gateway.accessLines.length, 1);
  });

  test('with a hash of its address a client stays at its endpoint', async () => {
    const backends = await Promise.all(['a', 'b', 'c', 'd'].map((name) => server((socket) => socket.end(name))));
    const plan = tcpPlan({ gatewayEndpoints: backends.map(({ address }) => address) });
    const [cluster] = Object.values(plan.clusters);
    assert.ok(cluster !== undefined);
    const origin = { kind: 'DestinationRule', namespace: 'default', name: 'echo', file: 'rule.yaml', line: 1 };
    const hash = { origin, key: { type: 'source-ip' }, table: { type: 'maglev', size: 65_537 } } as const;
    const gateway = await gatewayTo([]);
    const clusters = { [cluster.id]: { ...cluster, loadBalancer: 'CONSISTENT_HASH', hash } as const };
    await gateway.apply({ ...plan, clusters });
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) seen.add((await exchange(dial(gateway), Buffer.alloc(0))).toString());
    assert.equal(seen.size, 1);
  });

  test('idle time and age of connections are those of the DestinationRule', async () => {
    const backend = await server(echo);
    const limits = { ...defaultProxyLimits, relayReportMs: 10 };
    const idle = await gatewayTo([backend.address], { gatewayPool: { idleTimeoutMs: 30 } }, { limits });
    await gone(dial(idle));
    assert.match(await logLine(idle), / 0 - SI /);
    const old = await gatewayTo([backend.address], { gatewayPool: { maxConnectionDurationMs: 30 } }, { limits });
    await gone(dial(old));
    assert.match(await logLine(old), / 0 - DT /);
  });

  test('relayDrainMs: relayed connections outlive their port for a while only', async () => {
    const limits = { ...defaultProxyLimits, relayDrainMs: 20 };
    const gateway = await gatewayTo([(await server(echo)).address], {}, { limits });
    const client = dial(gateway);
    client.write('x');
    await once(client, 'data');
    const closed = gone(client);
    await gateway.apply({
      ...tcpPlan({ gatewayEndpoints: [] }),
      ports: {},
      listeners: {},
      virtualHosts: {},
      routes: {},
    });
    await closed;
    assert.match(await logLine(gateway), /details="drained"/);
  });
});

const expectedLabels = [
  'reporter source_workload source_workload_namespace source_app source_version source_canonical_service',
  'source_canonical_revision source_cluster source_principal destination_principal destination_workload',
  'destination_workload_namespace destination_app destination_version destination_canonical_service',
  'destination_canonical_revision destination_cluster destination_service destination_service_name',
  'destination_service_namespace request_protocol response_flags connection_security_policy',
].join(' ');

describe('policies of relayed connections', () => {
  const gatewayPrincipal = gatewaySpiffeId.slice('spiffe://'.length);
  const deny = (rule: Partial<AuthorizationPolicy['rules'][number]>): AuthorizationPolicy => {
    const base = allowPolicy(sidecarId, gatewayPrincipal);
    const [first] = base.rules;
    assert.ok(first !== undefined);
    return { ...base, action: 'DENY', rules: [{ ...first, from: [], ...rule }] };
  };
  const rows: readonly (readonly [string, AuthorizationPolicy, boolean])[] = [
    ['ALLOW of the principal', allowPolicy(sidecarId, gatewayPrincipal), true],
    ['ALLOW of another', allowPolicy(sidecarId, 'cluster.local/ns/x/sa/y'), false],
    ['ALLOW that asks for a path allows nothing', allowPolicy(sidecarId, gatewayPrincipal, '/a.B/C'), false],
    ['DENY of the port', deny({ to: [{ ports: [50051] }] }), false],
    ['DENY of another port', deny({ to: [{ ports: [1] }] }), true],
    ['DENY that asks for a path denies all', deny({ to: [{ paths: [{ type: 'exact', value: '/a.B/C' }] }] }), false],
    [
      'DENY of another principal and a path',
      deny({
        from: [{ principals: [{ type: 'exact', value: 'cluster.local/ns/x/sa/y' }] }],
        to: [{ paths: [{ type: 'exact', value: '/a.B/C' }] }],
      }),
      true,
    ],
    [
      'DENY by header denies all',
      deny({ when: [{ key: 'request.headers[x]', values: [{ type: 'exact', value: 'y' }], notValues: [] }] }),
      false,
    ],
    ['DENY by address', deny({ from: [{ ipBlocks: ['127.0.0.0/8'] }] }), false],
  ];
  for (const [name, policy, allowed] of rows) {
    test(name, async () => {
      const backend = await server(echo);
      const { gateway, sidecar } = await mesh(backend.address, { sidecarPolicies: [policy] });
      const answer = await exchange(dial(gateway), Buffer.from('x')).catch(() => Buffer.alloc(0));
      assert.equal(answer.toString(), allowed ? 'x' : '');
      assert.equal(backend.sockets.length, allowed ? 1 : 0);
      const line = await logLine(sidecar);
      if (!allowed) assert.match(line, /reason=".*echo-policy.*details="rbac_access_denied/);
      assert.equal(/rbac_access_denied/.test(line), !allowed);
    });
  }
});

test('a STRICT sidecar gives an application that speaks no HTTP no plaintext', async () => {
  const backend = await server(echo);
  const { sidecar } = await mesh(backend.address);
  const silent = gone(dial(sidecar, sidecarPortId));
  const client = dial(sidecar, sidecarPortId);
  client.write('hello');
  await gone(client);
  assert.equal(backend.sockets.length, 0);
  await sidecar.proxy.close();
  await silent;
});

test('a PERMISSIVE sidecar relays plaintext', async () => {
  const { sidecar } = await mesh((await server(echo)).address, { peerAuthentication: 'PERMISSIVE' });
  assert.equal((await exchange(dial(sidecar, sidecarPortId), Buffer.from('hello'))).toString(), 'hello');
  assert.equal(labelsOf(sidecar, 'istio_tcp_sent_bytes_total')['connection_security_policy'], 'none');
});
