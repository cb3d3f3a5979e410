/**
 * Ways around router and policy: paths, hosts and headers that one component reads differently from another. Each request is
 * refused, or arrives at the application with exactly the bytes that the deciders saw.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuthorizationPolicy, PolicyOperation } from '../../src/plan/index.ts';
import type { Pair } from '../interop/raw-peer.ts';
import { allowPolicy, gatewayId, gatewaySpiffeId, publicHost, sidecarId, sidecarSpiffeId } from '../kit/proxy-plan.ts';
import { rowOf, runRows, sorted, type Outcome, type Row } from './relay-table.ts';

/** Policies name principals without the scheme. */
const gatewayPrincipal = gatewaySpiffeId.slice('spiffe://'.length);

/** An independent statement of what a gRPC path is; the product scans bytes. */
const grpcPath = /^\/[A-Za-z_][A-Za-z0-9_.]*\/[A-Za-z_][A-Za-z0-9_]*$/;

const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const everyByte: readonly string[] = bytes.flatMap((byte) => [
  `${byte}test.Echo/Unary`,
  `/te${byte}st.Echo/Unary`,
  `/test.Echo${byte}/Unary`,
  `/test.Echo/Un${byte}ary`,
  `/test.Echo/Unary${byte}`,
]);

/** Spellings that some normaliser, somewhere, turns into `/test.Admin/Delete`. */
const spellings: readonly string[] = [
  '//test.Admin/Delete',
  '/test.Admin//Delete',
  '/test.Admin/Delete/',
  '/test.Admin/Delete//',
  '///test.Admin/Delete',
  '/./test.Admin/Delete',
  '/test.Admin/./Delete',
  '/test.Echo/../test.Admin/Delete',
  '/test.Echo/Unary/../../test.Admin/Delete',
  '/../test.Admin/Delete',
  '/test.Echo/..;/test.Admin/Delete',
  '/test.Admin;x=1/Delete',
  '/test.Admin/Delete;x=1',
  '/test.Admin/;/Delete',
  '/;/test.Admin/Delete',
  '/test.Admin/Delete?x=1',
  '/test.Admin/Delete#x',
  '/test.Echo/Unary?/../../test.Admin/Delete',
  '/test.Echo/Unary#/test.Admin/Delete',
  '/test%2eAdmin/Delete',
  '/test.Admin%2fDelete',
  '/test.Admin%2FDelete',
  '/test.Admin/%44elete',
  '/%74est.Admin/Delete',
  '/test.Admin%252fDelete',
  '/test.Admin%5cDelete',
  '/test.Admin\\Delete',
  '\\test.Admin\\Delete',
  '/test.Admin/Delete%00',
  '/test.Admin/Delete%20',
  '/test.Admin/Delete%0a',
  '/%2e%2e/test.Admin/Delete',
  '/test.Echo/%2e%2e/test.Admin/Delete',
  '/test.Echo/..%2ftest.Admin/Delete',
  '/%c0%ae%c0%ae/test.Admin/Delete',
  '/test.Admin/Delet\xc3\xa9',
  '/test.\xc4\xb0dmin/Delete',
  'test.Admin/Delete',
  'http://api.example.com/test.Admin/Delete',
  'https:/test.Admin/Delete',
  '/http://api.example.com/test.Admin/Delete',
  '*',
  '',
  '/',
  '//',
  '/*',
  '/test.Admin/*',
  '/test.Admin/{method}',
  '/test.Admin/Delete,/test.Echo/Unary',
  '/test.Admin /Delete',
  '/test.Admin/Delete HTTP/1.1',
];

/** What careless servers make of a path before they look at it. */
const readers: Readonly<Record<string, (path: string) => string>> = {
  decoded: (path) =>
    path.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  merged: (path) => path.replaceAll(/\/+/g, '/'),
  resolved: (path) => new URL(path, 'http://host').pathname,
  'without parameters': (path) => path.replaceAll(/;[^/]*/g, ''),
  'without query': (path) => path.replace(/[?#].*$/s, ''),
  'with slashes': (path) => path.replaceAll('\\', '/'),
  trimmed: (path) => path.trim().replace(/\/$/, ''),
  'cut at NUL': (path) => path.replace(/\0.*$/s, ''),
};

function expectOneReading(path: string): void {
  for (const [name, read] of Object.entries(readers)) assert.equal(read(path), path, `read ${name}`);
}

function valueOf(fields: readonly Pair[], name: string): string | undefined {
  return fields.find(([one]) => one === name)?.[1];
}

const pathRows: readonly Row[] = [...everyByte, ...spellings].map((path) =>
  rowOf(JSON.stringify(path), { ':path': path }),
);

function denying(proxy: string, to: PolicyOperation): AuthorizationPolicy {
  const policy = allowPolicy(proxy, '');
  const [rule] = policy.rules;
  if (rule === undefined) throw new Error('a policy without rules');
  return { ...policy, action: 'DENY', rules: [{ ...rule, from: [], to: [to] }] };
}

describe('path bypasses', () => {
  test(`${pathRows.length} paths: refused, or the same bytes everywhere, with one reading`, async (t) => {
    assert.ok(pathRows.length >= 600);
    let forwarded = 0;
    for (const { row, arrivedAll } of await runRows(t, pathRows)) {
      const sent = valueOf(row.head, ':path') ?? '';
      const arrived = valueOf(arrivedAll, ':path');
      assert.equal(arrived, grpcPath.test(sent) ? sent : undefined, row.name);
      if (arrived === undefined) continue;
      expectOneReading(arrived);
      forwarded++;
    }
    assert.ok(forwarded > 200, 'most letters and digits are fine in a name');
  });

  const admin = { paths: [{ type: 'prefix', value: '/test.Admin/' }] } as const;
  for (const [place, policies] of Object.entries({
    gateway: { gatewayPolicies: [denying(gatewayId, admin)] },
    sidecar: { sidecarPolicies: [denying(sidecarId, admin)] },
  })) {
    test(`no spelling gets past a DENY at the ${place}`, async (t) => {
      const rows = ['/test.Admin/Delete', '/test.Admin/delete', ...spellings].map((path) =>
        rowOf(path, { ':path': path }),
      );
      for (const { row, arrived } of await runRows(t, rows, policies)) assert.equal(arrived, undefined, row.name);
    });

    test(`an ALLOW at the ${place} lets through its path and nothing like it`, async (t) => {
      const only = '/test.Echo/Unary';
      const allow =
        place === 'gateway'
          ? {
              gatewayPolicies: [
                { ...denying(gatewayId, { paths: [{ type: 'exact', value: only }] }), action: 'ALLOW' as const },
              ],
            }
          : { sidecarPolicies: [allowPolicy(sidecarId, gatewayPrincipal, only)] };
      const outcomes = await runRows(t, [rowOf('the path', {}), ...pathRows], allow);
      const arrived = outcomes.filter((outcome) => outcome.arrived !== undefined);
      assert.ok(arrived.length >= 1);
      for (const { arrivedAll } of arrived) assert.equal(valueOf(arrivedAll, ':path'), only);
    });
  }

  test('upper case is another method, for the policy and for the application', async (t) => {
    const rows = ['/TEST.Admin/Delete', '/test.ADMIN/Delete'].map((path) => rowOf(path, { ':path': path }));
    for (const { row, arrivedAll } of await runRows(t, rows, { sidecarPolicies: [denying(sidecarId, admin)] })) {
      assert.equal(valueOf(arrivedAll, ':path'), row.name);
    }
  });
});

const cases = [
  'api.example.com',
  'API.example.com',
  'Api.Example.Com',
  'api.EXAMPLE.com:8080',
  'api.example.com:80',
  'api.example.com:443',
];
const others = [
  'api.example.com.',
  'api.example.com:',
  'api.example.com:99999',
  'api.example.com:80:80',
  '.api.example.com',
  'xapi.example.com',
  'api.example.comx',
  'api.example.com%00',
  'api%2eexample.com',
  'api.example.com\xad',
  'api\xe3\x80\x82example.com',
  '[api.example.com]',
  '[::1]',
  '127.0.0.1',
  'localhost',
  '*',
  '*.example.com',
  'api_example.com',
  'api.example.com:8080@evil',
];

describe('host bypasses', () => {
  test('spellings of the host arrive as they were sent, all others are refused', async (t) => {
    const rows = [...cases, ...others].map((host) => rowOf(host, { ':authority': host }));
    for (const { row, arrivedAll } of await runRows(t, rows)) {
      const arrived = valueOf(arrivedAll, ':authority');
      if (cases.includes(row.name)) assert.equal(arrived, row.name);
      else if (arrived !== undefined) assert.match(arrived, /^api\.example\.com[.:\d]*$/, row.name);
    }
  });

  test('`:authority` wins over `host`, and only one of them arrives', async (t) => {
    const hosts = ['evil.example.com', publicHost, 'API.example.com', 'evil:80'];
    const rows = [
      ...hosts.map((host) => rowOf(`beside host ${host}`, { host })),
      rowOf('host alone', { ':authority': undefined, host: publicHost }),
    ];
    for (const { row, arrivedAll } of await runRows(t, rows)) {
      assert.equal(valueOf(arrivedAll, ':authority'), publicHost, row.name);
      assert.equal(valueOf(arrivedAll, 'host'), undefined, row.name);
    }
  });

  test('no spelling of a denied host gets past the policy', async (t) => {
    const hosts = [
      { type: 'exact', value: publicHost },
      { type: 'prefix', value: `${publicHost}:` },
    ] as const;
    const policy = { gatewayPolicies: [denying(gatewayId, { hosts })] };
    const rows = [...cases, ...others].map((host) => rowOf(host, { ':authority': host }));
    const arrived = (await runRows(t, rows, policy)).filter((outcome) => outcome.arrived !== undefined);
    assert.deepEqual(
      arrived.map(({ row }) => row.name),
      [],
    );
  });
});

/** Names by which proxies tell backends who the caller is, where it came from, or what it asked for. */
const trusted = [
  'x-forwarded-client-cert',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-user',
  'x-forwarded-anything',
  'x-envoy-original-path',
  'x-envoy-external-address',
  'x-envoy-internal',
  'x-envoy-peer-metadata',
  'x-envoy-decorator-operation',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-retry-on',
  'x-envoy-original-dst-host',
  'x-istio-attributes',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-ssl-client-cert',
  'x-client-cert',
  'client-cert',
  'client-cert-chain',
  'forwarded',
  'grpc-status',
  'grpc-message',
];
const evil = 'By=spiffe://evil;Hash=00;URI=spiffe://cluster.local/ns/evil/sa/admin';

function everyValue({ arrivedAll }: Outcome): string {
  return arrivedAll.map(([, value]) => value).join('\n');
}

describe('identity bypasses', () => {
  test(`${trusted.length} trust headers from outside do not arrive, once, twice, or empty`, async (t) => {
    const rows = trusted.flatMap((name): Row[] => [
      rowOf(name, { [name]: evil }),
      { ...rowOf(`${name} twice`, { [name]: evil }), head: [...rowOf('', {}).head, [name, evil], [name, evil]] },
      rowOf(`${name} empty`, { [name]: '' }),
    ]);
    for (const outcome of await runRows(t, rows)) {
      assert.ok(outcome.arrivedWhole, outcome.row.name);
      assert.doesNotMatch(everyValue(outcome), /evil/, outcome.row.name);
      assert.deepEqual(sorted(outcome.arrived ?? []), sorted(rowOf('', {}).head), outcome.row.name);
    }
  });

  test('x-forwarded-client-cert names the gateway alone, and the address is the real one', async (t) => {
    const rows = [rowOf('spoofed', { 'x-forwarded-client-cert': evil, 'x-forwarded-for': '10.9.9.9' })];
    const [outcome] = await runRows(t, rows);
    const certs = (outcome?.arrivedAll ?? []).filter(([name]) => name === 'x-forwarded-client-cert');
    assert.equal(certs.length, 1);
    assert.match(
      certs[0]?.[1] ?? '',
      new RegExp(`^By=${sidecarSpiffeId};Hash=[0-9a-f]{64};Subject="";URI=${gatewaySpiffeId}$`),
    );
    const addresses = (outcome?.arrivedAll ?? []).filter(([name]) => name === 'x-forwarded-for');
    assert.deepEqual(
      addresses.map(([, value]) => value),
      ['10.9.9.9,127.0.0.1'],
    );
  });

  test('the scheme that arrives is that of the connection', async (t) => {
    for (const { row, arrivedAll } of await runRows(
      t,
      ['http', 'https'].map((scheme) => rowOf(scheme, { ':scheme': scheme })),
    )) {
      assert.equal(valueOf(arrivedAll, ':scheme'), 'http', row.name);
      assert.equal(valueOf(arrivedAll, 'x-forwarded-proto'), 'http', row.name);
    }
  });

  test('a policy on a header sees each of several values', async (t) => {
    const condition = {
      key: 'request.headers[x-role]',
      values: [{ type: 'exact', value: 'admin' }],
      notValues: [],
    } as const;
    const base = denying(sidecarId, {});
    const policy = { ...base, rules: base.rules.map((rule) => ({ ...rule, to: [], when: [condition] })) };
    const head = rowOf('', {}).head;
    const rows: readonly Row[] = [
      { name: 'alone', head: [...head, ['x-role', 'admin']] },
      { name: 'first', head: [...head, ['x-role', 'admin'], ['x-role', 'user']] },
      { name: 'last', head: [...head, ['x-role', 'user'], ['x-role', 'admin']] },
      { name: 'between', head: [...head, ['x-role', 'user'], ['x-a', 'b'], ['x-role', 'admin'], ['x-role', 'user']] },
    ];
    const outcomes = await runRows(t, rows, { sidecarPolicies: [policy] });
    assert.deepEqual(
      outcomes.filter(({ arrived }) => arrived !== undefined).map(({ row }) => row.name),
      [],
    );
  });
});
