/**
 * Manifests as users write them, compiled and decided, against an evaluator that reads the same manifests by the text of
 * Istio's reference (istio.md 1.2 to 1.8) and nothing of ours: no parsed pattern, no plan, no cache.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  authorizeConnection,
  bindAuthorization,
  compileProxy,
  decideAuthorization,
  type CompiledPort,
  type CompiledProxy,
  type TokenFacts,
} from '../../src/decide/index.ts';
import { bindingsOf, compileText } from '../kit/compile-kit.ts';
import { testConnection, testRequest } from '../kit/request-facts.ts';
import {
  decideConnection,
  decideRequest,
  localDomains,
  type Manifest,
  type NamedPolicy,
  type Subject,
} from './authorization-model.ts';
import { policies, subject } from './authorization-samples.ts';

const proxyId = 'sidecar/default/web';
const numRuns = process.env['SALLYPORT_LONG'] === '1' ? 3_000 : 150;

const workload = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: { serviceAccountName: 'web', containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }] },
};

function compiled(all: readonly Manifest[]): CompiledProxy {
  const text = [workload, ...all].map((one) => JSON.stringify(one)).join('\n---\n');
  const [trustDomain = '', ...trustDomainAliases] = localDomains;
  const { plan, diagnostics } = compileText(text, {
    bindings: bindingsOf(['default/web=127.0.0.1:6001']),
    options: { trustDomain, trustDomainAliases },
  });
  const rejected = diagnostics.filter(({ severity, code }) => severity === 'error' && code !== 'SP0206');
  assert.deepEqual(rejected, [], 'samples are valid manifests');
  return compileProxy(plan, proxyId);
}

function inboundPort({ ports }: CompiledProxy): CompiledPort {
  const port = [...ports.values()].find(({ port: { direction } }) => direction === 'inbound');
  assert.ok(port);
  return port;
}

const nameOf = (policy: NamedPolicy | undefined): string =>
  policy === undefined ? '' : `${policy.namespace}/${policy.name}[${policy.ruleIndex}]`;

function factsOf({ token }: Subject): TokenFacts | undefined {
  if (token === undefined) return undefined;
  const {
    iss = '',
    sub = '',
    aud,
    azp,
  } = token as { iss?: string; sub?: string; aud?: string | string[]; azp?: string };
  return {
    issuer: iss,
    subject: sub,
    audiences: aud === undefined ? [] : [aud].flat(),
    presenter: azp ?? '',
    claims: token,
    spaceDelimited: new Set(['scope', 'permission']),
  };
}

test('requests are decided as the text says, by the rule that it says, on trial and for the audit too', () => {
  fc.assert(
    fc.property(policies, fc.array(subject, { minLength: 1, maxLength: 20 }), (all, subjects) => {
      const proxy = compiled(all);
      const port = inboundPort(proxy);
      for (const one of [...subjects, ...subjects]) {
        const { principal, sni, sourceIp, destinationIp } = one;
        const bound = bindAuthorization(proxy, {
          port,
          connection: testConnection({ principal, sni, sourceIp, destinationIp }),
        });
        const decision = decideAuthorization(bound, testRequest({ ...one.request, token: factsOf(one) }));
        const expected = decideRequest(all, one);
        assert.deepEqual(
          {
            allowed: decision.allowed,
            by: nameOf(decision.policy),
            trial: decision.shadow?.allowed,
            audit: nameOf(decision.audited),
          },
          expected,
        );
      }
    }),
    { numRuns },
  );
});

test('connections without HTTP: what only a request could tell is dropped with its ALLOW rule, and from any other rule', () => {
  fc.assert(
    fc.property(policies, fc.array(subject, { minLength: 1, maxLength: 10 }), (all, subjects) => {
      const proxy = compiled(all);
      const port = inboundPort(proxy);
      for (const one of subjects) {
        const { principal, sni, sourceIp, destinationIp } = one;
        const connection = testConnection({ principal, sni, sourceIp, destinationIp });
        assert.equal(authorizeConnection(proxy, { port, connection }).decision.allowed, decideConnection(all, one));
      }
    }),
    { numRuns },
  );
});
