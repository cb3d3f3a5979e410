/** Tokens on real calls: through a gateway and a sidecar, verified at one of them. */
import assert from 'node:assert/strict';
import { connect, type ClientHttp2Session } from 'node:http2';
import { afterEach, before, describe, test } from 'node:test';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type Answer, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh, type MeshSpec, type TestMesh } from '../../test/kit/proxy-mesh.ts';
import { gatewayId, proxyOrigin, publicHost, serviceHost, sidecarId } from '../../test/kit/proxy-plan.ts';
import { jwtRule, requestAuthentication, testIssuer, unsignedToken, type TestIssuer } from '../../test/kit/tokens.ts';
import type { AuthorizationPolicy, JwtRule, PolicyRule } from '../plan/index.ts';
import { maxTokensPerRequest } from '../token/index.ts';

let issuer: TestIssuer;

before(async () => {
  issuer = await testIssuer('https://issuer.example.com');
});
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Stage {
  readonly mesh: TestMesh;
  readonly backend: EchoBackend;
  readonly client: EchoClient;
  readonly spec: MeshSpec;
  readonly call: (metadata?: Readonly<Record<string, string>>) => Promise<Answer>;
  /** Metadata that the newest call brought to the application. */
  readonly received: (name: string) => string[];
}

async function stage(
  rules: readonly JwtRule[],
  spec: Partial<MeshSpec> & { readonly at?: string } = {},
): Promise<Stage> {
  const { at = gatewayId, ...rest } = spec;
  const backend = await startEchoBackend();
  const full = { application: backend.address, requestAuthentications: [requestAuthentication(at, rules)], ...rest };
  const mesh = await startMesh(full);
  const client = echoClient(mesh.gatewayAddress);
  cleanups.push(
    () => backend.close(),
    () => mesh.close(),
    () => client.close(),
  );
  return {
    mesh,
    backend,
    client,
    spec: full,
    call: (metadata = {}) => client.unary('hello', { metadata }),
    received: (name) => (backend.metadata.at(-1)?.get(name) ?? []).map(String),
  };
}

function policy(
  proxy: string,
  action: AuthorizationPolicy['action'],
  rule: Partial<Pick<PolicyRule, 'from' | 'to' | 'when'>>,
): AuthorizationPolicy {
  const origin = proxyOrigin('AuthorizationPolicy', 'users', 4);
  return {
    id: `${proxy}/default/users`,
    origin,
    proxy,
    namespace: 'default',
    name: 'users',
    action,
    dryRun: false,
    rules: [{ origin: { ...origin, line: 10 }, index: 0, from: [], to: [], when: [], ...rule }],
  };
}

const anyUser = { from: [{ requestPrincipals: [{ type: 'presence', value: '' }] }] } as const;

async function lastLine({ gateway }: TestMesh, count: number): Promise<string> {
  await gateway.logged(() => gateway.accessLines.length >= count);
  return gateway.accessLines[count - 1] ?? '';
}

describe('a token', () => {
  test('good: the call passes, the token does not go further; none: it passes too', async () => {
    const { call, received } = await stage([jwtRule(issuer)]);
    const token = await issuer.sign({ sub: 'alice' });
    for (const _ of ['verified', 'remembered']) {
      const answer = await call({ authorization: `Bearer ${token}` });
      assert.equal(answer.code, 0, answer.details);
      assert.equal(answer.message.toString(), 'hello');
      assert.deepEqual(received('authorization'), []);
    }
    assert.equal((await call()).code, 0);
    assert.equal((await call({ authorization: 'Basic eDp5' })).code, 0, 'not a bearer token, so none');
    assert.deepEqual(received('authorization'), ['Basic eDp5']);
  });

  test('bad: UNAUTHENTICATED in Envoy’s words, and the log names the rule', async () => {
    const { call, mesh, backend } = await stage([jwtRule(issuer, { audiences: ['shop'] })]);
    const other = await testIssuer(issuer.issuer);
    const past = Math.floor(Date.now() / 1000) - 61;
    const rows: readonly [string, number, string][] = [
      [await issuer.sign({ aud: 'shop', exp: past }), 16, 'Jwt is expired'],
      [await issuer.sign({ aud: 'other' }), 7, 'Audiences in Jwt are not allowed'],
      [await issuer.sign({ iss: 'https://evil.example.com' }), 16, 'Jwt issuer is not configured'],
      [await other.sign({ aud: 'shop' }), 16, 'Jwt verification fails'],
      [await other.sign({ aud: 'shop' }, { kid: 'two' }), 16, "Jwks doesn't have key to match kid or alg from Jwt"],
      [unsignedToken({ alg: 'none' }, { iss: issuer.issuer }), 16, 'Jwt header [alg] is not supported'],
      ['x', 16, 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
    ];
    for (const [index, [token, code, message]] of rows.entries()) {
      const answer = await call({ authorization: `Bearer ${token}` });
      assert.deepEqual([answer.code, answer.details], [code, message]);
      const line = await lastLine(mesh, index + 1);
      assert.ok(line.includes(`details="jwt_authn_access_denied{${message.replaceAll(' ', '_')}}"`), line);
      assert.ok(token.length < 20 || !line.includes(token.slice(-20)), 'a token is not written to a log');
    }
    assert.match(
      mesh.gateway.accessLines[0] ?? '',
      /reason="the token expired \d+ s ago \(RequestAuthentication default\/users /,
    );
    assert.match(
      mesh.gateway.accessLines[0] ?? '',
      / policy="RequestAuthentication default\/users requestauthentication\.yaml:9"/,
    );
    assert.equal(backend.calls.get('Unary'), undefined);
  });

  test('in a header with a prefix, in a cookie, and forwarded where asked', async () => {
    const locations = [
      { type: 'header', name: 'x-token', prefix: 'Token ' },
      { type: 'cookie', name: 'session' },
    ] as const;
    const rules = [jwtRule(issuer, { locations, forwardOriginalToken: true })];
    const { call, received } = await stage(rules, { gatewayPolicies: [policy(gatewayId, 'ALLOW', anyUser)] });
    const token = await issuer.sign({ sub: 'alice' });
    assert.equal((await call({ 'x-token': `Token ${token}` })).code, 0);
    assert.deepEqual(received('x-token'), [`Token ${token}`]);
    assert.equal((await call({ cookie: `a=b; session=${token}; c=d` })).code, 0);
    assert.equal((await call({ cookie: 'session=bad' })).code, 16);
    assert.equal((await call({ authorization: `Bearer ${token}` })).code, 7, 'not a place of this rule');
  });

  test('as long as the head allows, and longer', async () => {
    const { call, received } = await stage([
      jwtRule(issuer, { outputClaimToHeaders: [{ header: 'x-user', claim: 'sub' }] }),
    ]);
    const long = await issuer.sign({ sub: 'alice', pad: 'a'.repeat(6_000) });
    assert.equal((await call({ authorization: `Bearer ${long}` })).code, 0);
    assert.deepEqual(received('x-user'), ['alice']);
    const huge = await issuer.sign({ pad: 'a'.repeat(60_000) });
    assert.notEqual((await call({ authorization: `Bearer ${huge}` })).code, 0);
    assert.equal((await call()).code, 0);
  });
});

describe('headers from claims', () => {
  test('are written for a good token, and nobody else can write them', async () => {
    const rule = jwtRule(issuer, {
      outputPayloadToHeader: 'x-payload',
      outputClaimToHeaders: [
        { header: 'x-user', claim: 'sub' },
        { header: 'x-group', claim: 'realm.group' },
        { header: 'x-level', claim: 'level' },
        { header: 'x-roles', claim: 'roles' },
        { header: 'x-evil', claim: 'evil' },
      ],
    });
    const { call, received } = await stage([rule]);
    const claims = { sub: 'alice', realm: { group: 'admins' }, level: 3, roles: ['a', 'b'], evil: 'x\r\nx-admin: 1' };
    const token = await issuer.sign(claims);
    const forged = { 'x-user': 'root', 'x-payload': 'e30', 'x-group': 'root', 'x-evil': 'me' };
    assert.equal((await call({ ...forged, authorization: `Bearer ${token}` })).code, 0);
    assert.deepEqual(received('x-user'), ['alice']);
    assert.deepEqual(received('x-group'), ['admins']);
    assert.deepEqual(received('x-level'), ['3']);
    assert.deepEqual(received('x-roles'), [Buffer.from('["a","b"]').toString('base64')]);
    assert.deepEqual(received('x-payload'), [token.split('.')[1]]);
    assert.deepEqual([received('x-evil'), received('x-admin')], [[], []]);
    assert.equal((await call(forged)).code, 0);
    for (const name of Object.keys(forged)) assert.deepEqual(received(name), [], name);
  });

  test('leave the deadline where it is', async () => {
    const rule = jwtRule(issuer, { outputPayloadToHeader: 'x-payload' });
    const { client, received } = await stage([rule]);
    const metadata = { authorization: `Bearer ${await issuer.sign()}`, 'x-payload': 'forged' };
    const answer = await client.unary('x', { metadata, timeoutMs: 60_000 });
    assert.equal(answer.code, 0, answer.details);
    assert.equal(received('x-payload').length, 1);
  });
});

describe('policies', () => {
  test('requestPrincipals: only with a good token, and the log says what was missing', async () => {
    const { call, mesh } = await stage([jwtRule(issuer)], { gatewayPolicies: [policy(gatewayId, 'ALLOW', anyUser)] });
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign({ sub: 'alice' })}` })).code, 0);
    const denied = await call();
    assert.deepEqual([denied.code, denied.details], [7, 'RBAC: access denied']);
    const line = await lastLine(mesh, 2);
    assert.match(line, /the request has no token, requestPrincipals wants/);
    assert.match(line, / policy="AuthorizationPolicy default\/users authorizationpolicy\.yaml:4"/);
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign({})}` })).code, 7, 'no sub, no principal');
    assert.match(await lastLine(mesh, 3), /the token has no sub/);
  });

  test('claims come from a verified token only', async () => {
    const when = [
      { key: 'request.auth.claims[realm][groups]', values: [{ type: 'exact', value: 'admin' }], notValues: [] },
    ] as const;
    const { call } = await stage([jwtRule(issuer)], { gatewayPolicies: [policy(gatewayId, 'ALLOW', { when })] });
    const claims = { sub: 'alice', realm: { groups: ['user', 'admin'] } };
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign(claims)}` })).code, 0);
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign({ sub: 'bob' })}` })).code, 7);
    const forged = unsignedToken({ alg: 'ES256', kid: 'one' }, { iss: issuer.issuer, ...claims });
    assert.equal((await call({ authorization: `Bearer ${forged}` })).code, 16);
    assert.equal((await call({ authorization: `Bearer ${forged}` })).code, 16, 'remembered as bad');
  });

  test('at the sidecar: the gateway passes the token on unread', async () => {
    const { call, mesh } = await stage([jwtRule(issuer)], {
      at: sidecarId,
      sidecarPolicies: [
        policy(sidecarId, 'DENY', { from: [{ notRequestPrincipals: [{ type: 'presence', value: '' }] }] }),
      ],
    });
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign({ sub: 'alice' })}` })).code, 0);
    assert.equal((await call()).code, 7);
    assert.equal((await call({ authorization: 'Bearer x.y.z' })).code, 16);
    await mesh.sidecar.logged(() => mesh.sidecar.accessLines.length === 3);
    assert.match(mesh.sidecar.accessLines[1] ?? '', /denied by rule 0 of AuthorizationPolicy default\/users/);
  });

  test('without RequestAuthentication a token is not read, and requestPrincipals denies', async () => {
    const { call, mesh } = await stage([], { gatewayPolicies: [policy(gatewayId, 'ALLOW', anyUser)] });
    assert.equal((await call({ authorization: `Bearer ${await issuer.sign({ sub: 'alice' })}` })).code, 7);
    assert.match(await lastLine(mesh, 1), /no RequestAuthentication applies here/);
  });

  test('AUDIT marks the log and decides nothing', async () => {
    const { call, mesh } = await stage([], { gatewayPolicies: [policy(gatewayId, 'AUDIT', {})] });
    assert.equal((await call()).code, 0);
    assert.match(await lastLine(mesh, 1), / audit="AuthorizationPolicy default\/users authorizationpolicy\.yaml:10"/);
  });

  test('CUSTOM is asked before tokens are looked at', async () => {
    const to = [{ paths: [{ type: 'suffix', value: '/Unary' }] }] as const;
    const gatewayPolicies = [policy(gatewayId, 'CUSTOM', { to })];
    const { call, mesh } = await stage([jwtRule(issuer)], { gatewayPolicies });
    const denied = await call({ authorization: 'Bearer bad' });
    assert.deepEqual([denied.code, denied.details], [7, 'RBAC: access denied']);
    assert.match(await lastLine(mesh, 1), /default-deny-all-due-to-bad-CUSTOM-action/);
    const elsewhere = [
      policy(gatewayId, 'CUSTOM', { to: [{ paths: [{ type: 'exact', value: '/other.Echo/Unary' }] }] }),
    ];
    const other = await stage([jwtRule(issuer)], { gatewayPolicies: elsewhere });
    assert.equal((await other.call({ authorization: 'Bearer bad' })).code, 16);
  });

  test('CUSTOM denies what it matches, in Istio’s words for a provider that does not exist', async () => {
    const { call, mesh } = await stage([], { gatewayPolicies: [policy(gatewayId, 'CUSTOM', {})] });
    assert.equal((await call()).code, 7);
    const details = 'rbac_access_denied_matched_policy[default-deny-all-due-to-bad-CUSTOM-action]';
    assert.ok((await lastLine(mesh, 1)).includes(`details="${details}"`));
  });
});

describe('while a token is verified', () => {
  test('bodies wait and arrive whole, also those beyond a window', async () => {
    const { client } = await stage([jwtRule(issuer)]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const body = Buffer.alloc(200_000, index);
        const metadata = { authorization: `Bearer ${await issuer.sign({ jti: `${index}` })}` };
        const answer = await client.unary(body, { metadata });
        return answer.message.equals(body);
      }),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 20 }, () => true),
    );
  });

  test('calls that are given up leave nothing behind', async () => {
    const { client, mesh, call } = await stage([jwtRule(issuer)]);
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => issuer.sign({ jti: `${index}` })));
    const started = tokens.map((token) => client.start('Unary', { metadata: { authorization: `Bearer ${token}` } }));
    for (const { call: one } of started) setImmediate(() => one.cancel());
    const codes = await Promise.all(started.map(async ({ answer }) => (await answer).code));
    assert.ok(
      codes.every((code) => code === 0 || code === 1),
      codes.join(' '),
    );
    assert.equal((await call({ authorization: `Bearer ${tokens[0]}` })).code, 0);
    await mesh.gateway.logged(() => mesh.gateway.proxy.snapshot().activeRequests === 0);
  });
});

test('new keys take over with a new plan: old tokens are refused, new ones accepted', async () => {
  const { mesh, call, spec } = await stage([jwtRule(issuer)]);
  const next = await testIssuer(issuer.issuer, { alg: 'RS256', kid: 'two' });
  const old = await issuer.sign();
  const fresh = await next.sign();
  assert.deepEqual(
    [(await call({ authorization: `Bearer ${old}` })).code, (await call({ authorization: `Bearer ${fresh}` })).code],
    [0, 16],
  );
  await mesh.apply({ ...spec, requestAuthentications: [requestAuthentication(gatewayId, [jwtRule(next)])] });
  assert.deepEqual(
    [(await call({ authorization: `Bearer ${old}` })).code, (await call({ authorization: `Bearer ${fresh}` })).code],
    [16, 0],
  );
});

test('maxTokensPerRequest: several Authorization fields all count, and one too many is refused', async () => {
  const { mesh } = await stage([jwtRule(issuer)]);
  const session = connect(`http://${mesh.gatewayAddress.host}:${mesh.gatewayAddress.port}`, {
    // Newer than its types: a field may repeat, as on the wire it may.
    ...({ strictSingleValueFields: false } as object),
  });
  cleanups.push(() => session.destroy());
  const good = `Bearer ${await issuer.sign()}`;
  assert.equal(await grpcStatusOf(session, [good, good]), '0');
  assert.equal(await grpcStatusOf(session, [good, 'Bearer bad']), '16');
  assert.equal(await grpcStatusOf(session, ['Bearer bad', good]), '16');
  const many = (length: number): string[] => Array.from({ length }, () => good);
  assert.equal(await grpcStatusOf(session, many(maxTokensPerRequest)), '0');
  assert.equal(await grpcStatusOf(session, many(maxTokensPerRequest + 1)), '16');
  const acted = mesh.gateway.counters.snapshot().find(({ name }) => name === 'sallyport_limits_acted_total');
  assert.deepEqual(acted?.labels, [['limit', 'tokensPerRequest']]);
});

test('reflection: what came with a token that had to be verified first is answered too', async () => {
  const { mesh } = await stage([jwtRule(issuer)], { reflection: true });
  mesh.gateway.proxy.setDescriptors(new Map([[serviceHost, { files: [], services: [] }]]));
  const session = connect(`http://${mesh.gatewayAddress.host}:${mesh.gatewayAddress.port}`);
  cleanups.push(() => session.destroy());
  // ServerReflectionRequest { list_services: "" }
  const body = Buffer.from([0, 0, 0, 0, 2, 0x3a, 0]);
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  for (const _ of ['verified', 'remembered']) {
    assert.equal(await grpcStatusOf(session, [`Bearer ${await issuer.sign({ jti: 'r' })}`], { path, body }), '0');
  }
  assert.equal(await grpcStatusOf(session, ['Bearer bad'], { path, body }), '16');
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length === 3);
  for (const line of mesh.gateway.accessLines.slice(0, 2)) assert.match(line, / messages=1\/1 /);
});

/** Status of a call with raw header fields, which grpc-js would join. */
function grpcStatusOf(
  session: ClientHttp2Session,
  authorization: readonly string[],
  { path = '/test.Echo/Unary', body = Buffer.from([0, 0, 0, 0, 0]) } = {},
): Promise<string> {
  const fields = [
    [':method', 'POST'],
    [':path', path],
    [':scheme', 'http'],
    [':authority', publicHost],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...authorization.map((value) => ['authorization', value]),
  ];
  const request = session.request(fields.flat());
  request.end(body);
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (headers) => {
      const status = headers['grpc-status'];
      if (status !== undefined) resolve(String(status));
    });
    request.on('trailers', (trailers) => resolve(String(trailers['grpc-status'])));
    request.resume();
  });
}

test('the client behind a trusted proxy is who remoteIpBlocks mean, and nobody can claim to be there', async () => {
  const rule = { from: [{ remoteIpBlocks: ['10.0.0.0/8'] }] };
  const { call, mesh, spec } = await stage([], { gatewayPolicies: [policy(gatewayId, 'ALLOW', rule)] });
  assert.equal((await call({ 'x-forwarded-for': '10.1.2.3' })).code, 7, 'nobody is trusted in front of this gateway');
  assert.match(await lastLine(mesh, 1), /client address is \\?"127\.0\.0\.1\\?", remoteIpBlocks wants/);
  await mesh.apply({ ...spec, trustedProxies: 1 });
  assert.equal((await call({ 'x-forwarded-for': '192.0.2.1, 10.1.2.3' })).code, 0);
  assert.equal((await call({ 'x-forwarded-for': '10.1.2.3, 192.0.2.1' })).code, 7);
  assert.equal((await call()).code, 7);
});
