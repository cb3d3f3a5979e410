/** Policies as a port without HTTP enforces them (istio.md 1.7): what only a request could tell is narrowed or widened. */
import type { AuthorizationPolicy, PolicyRule } from '../plan/index.ts';
import { bindAuthorization } from './policy-bind.ts';
import { BoundedCache } from './bounded-cache.ts';
import { decideAuthorization } from './authorize.ts';
import { explainAuthorization } from './explain-authorization.ts';
import type { ConnectionFacts, RequestFacts } from './facts.ts';
import { maxBoundAuthorizations } from './limits.ts';
import { compilePolicies } from './policy-compile.ts';
import type { AuthorizationDecision } from './policy-types.ts';
import type { CompiledPort, CompiledProxy } from './types.ts';

/** Fields of sources and operations that need a request. */
const requestFields: ReadonlySet<string> = new Set([
  'hosts',
  'notHosts',
  'methods',
  'notMethods',
  'paths',
  'notPaths',
  'requestPrincipals',
  'notRequestPrincipals',
]);

/**
 * An ALLOW rule that asks something of the request is dropped whole, so that it allows nothing; of any other rule only the
 * field is dropped, so that it denies more. Both ways the door stays closed where it cannot be judged.
 */
function connectionPolicies(policies: readonly AuthorizationPolicy[]): AuthorizationPolicy[] {
  return policies.map((policy) => ({
    ...policy,
    rules:
      policy.action === 'ALLOW'
        ? policy.rules.filter((rule) => !readsRequest(rule))
        : policy.rules.map(withoutRequestFields),
  }));
}

function readsRequest({ from, to, when }: PolicyRule): boolean {
  return [...from, ...to].some((part) => listedRequestFields(part).length > 0) || when.some(isRequestCondition);
}

function listedRequestFields(part: object): string[] {
  return Object.entries(part)
    .filter(([name, values]) => requestFields.has(name) && Array.isArray(values) && values.length > 0)
    .map(([name]) => name);
}

function isRequestCondition({ key }: PolicyRule['when'][number]): boolean {
  return key.startsWith('request.');
}

function withoutRequestFields(rule: PolicyRule): PolicyRule {
  const strip = <Part extends object>(part: Part): Part =>
    Object.fromEntries(Object.entries(part).filter(([name]) => !requestFields.has(name))) as Part;
  return {
    ...rule,
    from: rule.from.map(strip),
    to: rule.to.map(strip),
    when: rule.when.filter((condition) => !isRequestCondition(condition)),
  };
}

/** Each plan's proxies with their policies for connections; made when the first port without HTTP asks. */
const views = new WeakMap<CompiledProxy, CompiledProxy>();

function connectionView(proxy: CompiledProxy): CompiledProxy {
  const known = views.get(proxy);
  if (known !== undefined) return known;
  const own = Object.values(proxy.plan.policies).filter((policy) => policy.proxy === proxy.id);
  const view = {
    ...proxy,
    policies: compilePolicies(connectionPolicies(own), { trustedProxies: 0, verifiesTokens: false }),
    boundAuthorizations: new BoundedCache<ReturnType<typeof bindAuthorization>>(maxBoundAuthorizations),
  };
  views.set(proxy, view);
  return view;
}

/** No rule that is left reads any of it. */
const noRequest: RequestFacts = {
  authority: '',
  path: '',
  method: '',
  scheme: '',
  header: () => undefined,
  headerAt: () => undefined,
};

export interface ConnectionVerdict {
  readonly decision: AuthorizationDecision;
  /** For the log; empty when allowed. */
  readonly reason: string;
}

/** Whether the policies let a connection pass whose bytes are relayed. */
export function authorizeConnection(
  proxy: CompiledProxy,
  facts: { readonly port: CompiledPort; readonly connection: ConnectionFacts },
): ConnectionVerdict {
  const bound = bindAuthorization(connectionView(proxy), facts);
  const decision = decideAuthorization(bound, noRequest);
  if (decision.allowed) return { decision, reason: '' };
  return { decision, reason: explainAuthorization({ bound, request: noRequest, decision }) };
}
