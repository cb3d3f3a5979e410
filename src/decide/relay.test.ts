/** Where relayed connections go by their server name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { buildPlan, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { Plan } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { recompileProxy } from './recompile-proxy.ts';
import { decideRelay, isRelayed } from './relay.ts';
import { decideRoute } from './route.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

type Names = readonly string[] | undefined;

/** One virtual host that every connection of the port comes to, with a route for each list of names. */
function planFor(routes: readonly Names[]): Plan {
  const plan = buildPlan({
    listeners: [
      {
        virtualHosts: [
          {
            hostname: '*',
            routes: routes.map((serverNames, index) => ({
              name: `route-${index}`,
              match: {
                path: { type: 'StringPrefix', value: '/' },
                headers: [],
                ...(serverNames === undefined ? {} : { serverNames }),
              },
            })),
          },
        ],
      },
    ],
  });
  const [id, listener] = Object.entries(plan.listeners)[0] ?? [];
  assert.ok(id !== undefined && listener !== undefined);
  return { ...plan, listeners: { [id]: { ...listener, relay: 'tcp', pinned: `${id}/*` } } };
}

function portOf(proxy: CompiledProxy): CompiledPort {
  const port = proxy.ports.get(testPortId);
  assert.ok(port !== undefined);
  return port;
}

function decided(port: CompiledPort, sni: string): string {
  const decision = decideRelay(port, sni);
  return decision.type === 'route' ? decision.route.route.origin.name : decision.type;
}

describe('routes by server name', () => {
  test('the most specific name has the connection, whatever the order', () => {
    const routes = [['*'], ['*.example.com', 'b.example.org'], ['a.example.com'], undefined] as const;
    const port = portOf(compileProxy(planFor(routes), testProxyId));
    assert.equal(port.asksServerName, true);
    assert.equal(decided(port, 'a.example.com'), 'route-2');
    assert.equal(decided(port, 'A.EXAMPLE.COM'), 'route-2');
    assert.equal(decided(port, 'b.a.example.com'), 'route-1');
    assert.equal(decided(port, 'b.example.org'), 'route-1');
    assert.equal(decided(port, 'example.com'), 'route-0');
    assert.equal(decided(port, ''), 'route-0');
  });

  test('where no route asks for one, the first has all; where all do, others have none', () => {
    const open = portOf(compileProxy(planFor([undefined, undefined]), testProxyId));
    assert.deepEqual(
      [open.asksServerName, decided(open, ''), decided(open, 'x.example')],
      [false, 'route-0', 'route-0'],
    );
    const closed = portOf(compileProxy(planFor([['a.example.com']]), testProxyId));
    assert.deepEqual([decided(closed, ''), decided(closed, 'b.example.com')], ['no-route', 'no-route']);
  });

  test('no request matches a route that asks for a server name', () => {
    const port = portOf(compileProxy(planFor([['*']]), testProxyId));
    assert.equal(decideRoute(port, testRequest({ path: '/a.B/C' })).type, 'no-route');
  });

  test('as the longest name that covers the server name, the first of equals', () => {
    const label = fc.constantFrom('aa', 'bb', 'cc');
    const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    const name = fc.oneof(
      host,
      host.map((text) => `*.${text}`),
      fc.constant('*'),
    );
    const routes = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(routes, host, (lists, sni) => {
        const port = portOf(compileProxy(planFor(lists), testProxyId));
        assert.equal(decided(port, sni), naive(lists, sni));
      }),
    );
  });

  test('a changed plan asks for server names, or does so no longer', () => {
    const before = compileProxy(planFor([undefined]), testProxyId);
    const asking = recompileProxy(planFor([['a.example.com']]), testProxyId, before);
    assert.deepEqual([portOf(asking).asksServerName, decided(portOf(asking), 'b.example.com')], [true, 'no-route']);
    const open = recompileProxy(planFor([undefined]), testProxyId, asking);
    assert.deepEqual([portOf(open).asksServerName, decided(portOf(open), 'b.example.com')], [false, 'route-0']);
  });
});

function naive(lists: readonly (readonly string[])[], sni: string): string {
  const covering = lists
    .flatMap((names, index) => names.map((name) => ({ name, index })))
    .filter(({ name }) => name === '*' || name === sni || (name.startsWith('*.') && sni.endsWith(name.slice(1))));
  // An exact name is longer than any wildcard that covers it.
  const [best] = covering.toSorted((a, b) => b.name.length - a.name.length || a.index - b.index);
  return best === undefined ? 'no-route' : `route-${best.index}`;
}

/** A port that takes any authority, beside one host for TLS alone and one for both. */
function outboundPort(): CompiledPort {
  const plan = planFor([undefined]);
  const [listener] = Object.values(plan.listeners);
  const [proxy] = Object.values(plan.proxies);
  const [port] = Object.values(plan.ports);
  const [route] = Object.values(plan.routes);
  assert.ok(listener !== undefined && proxy !== undefined && port !== undefined && route !== undefined);
  const { relay: _, pinned: __, ...open } = listener;
  const hosts = (
    [
      ['only.example.com:443', 'only'],
      ['*.wild.example.com:8443', 'only'],
      ['both.default.svc.cluster.local:443', 'also'],
      ['plain.default.svc.cluster.local:80', undefined],
    ] as const
  ).map(([hostname, serverName]) => ({
    id: `outbound/mesh/${hostname}`,
    origin: { ...route.origin, name: hostname },
    listener: 'outbound/mesh',
    hostname,
    ...(serverName === undefined ? {} : { serverName }),
  }));
  const changed: Plan = {
    ...plan,
    proxies: {
      [proxy.id]: { ...proxy, outbound: { scope: 'outbound/mesh', unknownHosts: 'ALLOW_ANY' }, namespace: 'default' },
    },
    ports: { [port.id]: { ...port, direction: 'outbound' } },
    listeners: { [listener.id]: open },
    virtualHosts: Object.fromEntries(hosts.map((host) => [host.id, host])),
    routes: Object.fromEntries(
      hosts.map(({ id, origin }) => [`${id}/r`, { ...route, id: `${id}/r`, origin, virtualHost: id }]),
    ),
  };
  return portOf(compileProxy(changed, testProxyId));
}

describe('a port that takes any authority', () => {
  const port = outboundPort();

  test('relays what a server name says, and nothing without one', () => {
    assert.equal(port.asksServerName, true);
    assert.deepEqual([isRelayed(port, 'anything.example'), isRelayed(port, '')], [true, false]);
    assert.equal(decided(port, 'only.example.com'), 'only.example.com:443');
    assert.equal(decided(port, 'a.wild.example.com'), '*.wild.example.com:8443');
    for (const name of ['both', 'both.default', 'both.default.svc.cluster.local'])
      assert.equal(decided(port, name), 'both.default.svc.cluster.local:443', name);
    assert.equal(decided(port, 'plain'), 'no-virtual-host');
    assert.equal(decided(port, 'other.example.com'), 'no-virtual-host');
  });

  test('routes requests by authority, but for hosts that are for TLS alone', () => {
    const request = (authority: string): string => decideRoute(port, testRequest({ authority, path: '/a.B/C' })).type;
    assert.equal(request('plain:80'), 'route');
    assert.equal(request('both:443'), 'route');
    assert.equal(request('only.example.com:443'), 'no-virtual-host');
    assert.equal(request('a.wild.example.com:8443'), 'no-virtual-host');
  });
});
