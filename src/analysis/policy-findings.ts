import { diagnose, qualifiedName, type Origin } from '../base/index.ts';
import { codes } from './codes.ts';
import { formatLabels, type Labels } from './labels.ts';
import type { Identity } from './model.ts';
import { binds, isGatewayTarget, type CheckedPolicy, type Enforcer, type Targeting } from './policies.ts';
import { parseStringPattern, patternMatches } from './policy-match.ts';
import type { WorkloadSource, WorkloadSources } from './workload-sources.ts';
import type { World } from './world.ts';

/** Everyone that policies can mean: the served gateways, and all workloads of the YAML, running or not. */
export interface Population {
  readonly gateways: readonly { readonly name: string; readonly origin: Origin; readonly identity: Identity }[];
  readonly workloads: WorkloadSources;
  /** Service port and target port of each Service port that leads to a workload. */
  readonly portsOf: (workload: WorkloadSource) => readonly { readonly service: number; readonly target: number }[];
}

/** What is wrong with policies beside each other and beside the workloads; none of it changes what is enforced. */
export function findPolicyFaults(world: World, policies: readonly CheckedPolicy[], population: Population): void {
  const principals = knownPrincipals(world, population);
  for (const policy of policies) {
    const scope = findScopeFaults(world, policy.source, population);
    if (policy.source.spec.action.value === 'ALLOW') checkPrincipals(world, policy, { principals, population });
    checkPorts(world, policy, { workloads: scope.workloads, population });
  }
}

/** Whom a policy applies to. */
export interface Scope {
  readonly workloads: readonly WorkloadSource[];
  readonly gateways: Population['gateways'];
}

/** Reports targets that do not exist or are not enforced, and a selector that selects nothing. */
export function findScopeFaults(world: World, source: Targeting, population: Population): Scope {
  checkTargets(world, source, population);
  const scope = boundTo(world, source, population);
  const isEmpty = scope.workloads.length + scope.gateways.length === 0;
  if (source.spec.selector !== undefined && isEmpty) reportSelectsNothing(world, source, population);
  return scope;
}

export function asEnforcer(workload: WorkloadSource): Enforcer {
  const { namespace, serviceAccount, name, labels } = workload;
  return { identity: { namespace, serviceAccount, workloadName: name, labels } };
}

function boundTo(world: World, source: Targeting, population: Population): Scope {
  const inScope = (namespace: string): boolean =>
    source.metadata.namespace === world.options.rootNamespace || source.metadata.namespace === namespace;
  const { all, withLabels } = population.workloads;
  const wanted = source.spec.selector?.matchLabels;
  const candidates = wanted === undefined ? all : withLabels(wanted);
  const workloads = candidates.filter((workload) => inScope(workload.namespace) && binds(source, asEnforcer(workload)));
  const gateways = population.gateways.filter(
    ({ identity, name }) => inScope(identity.namespace) && binds(source, { identity, gatewayName: name }),
  );
  return { workloads, gateways };
}

function checkTargets(world: World, source: Targeting, population: Population): void {
  const { namespace } = source.metadata;
  for (const target of source.spec.targetRefs) {
    const isKnown = population.gateways.some(
      ({ name, identity }) => name === target.name && identity.namespace === namespace,
    );
    if (!isGatewayTarget(target)) {
      world.report(
        diagnose(codes.policyTargetUnsupported, {
          origin: target.origin,
          message: `targetRef ${target.kind} "${target.name}" is not enforced: only waypoints do that, and there are none`,
          remedy: 'Use spec.selector for workloads, or target a Gateway.',
        }),
      );
    } else if (!isKnown) {
      world.report(
        diagnose(codes.policyTargetNotFound, {
          origin: target.origin,
          message: `targetRef Gateway "${target.name}": no such Gateway in namespace "${namespace}"`,
          remedy: 'A policy targets Gateways of its own namespace: move it there, or correct the name.',
        }),
      );
    }
  }
}

function reportSelectsNothing(world: World, source: Targeting, population: Population): void {
  const selector = source.spec.selector;
  if (selector === undefined) return;
  const { namespace } = source.metadata;
  const near = population.workloads.all.find(
    (workload) => workload.namespace === namespace && sharesValue(workload.labels, selector.matchLabels),
  );
  world.report(
    diagnose(codes.policySelectsNothing, {
      origin: selector.origin,
      message: `selector ${formatLabels(selector.matchLabels)} matches no workload of namespace "${namespace}"`,
      remedy:
        near === undefined
          ? 'Give the pod template these labels, or correct the selector; until then it applies to nothing.'
          : `Workload "${qualifiedName(near)}" has ${formatLabels(near.labels)}: correct the selector or the labels.`,
    }),
  );
}

function sharesValue(labels: Labels, wanted: Labels): boolean {
  const values = new Set(Object.values(labels));
  return Object.values(wanted).some((value) => values.has(value));
}

function knownPrincipals(world: World, population: Population): readonly string[] {
  const identities = [
    ...population.gateways.map(({ identity }) => identity),
    ...population.workloads.all.map((workload) => asEnforcer(workload).identity),
  ];
  return [...new Set(identities.map((identity) => principalOf(world, identity)))];
}

/** The SPIFFE id without its scheme, as policies write it. */
export function principalOf(
  world: World,
  { namespace, serviceAccount }: Pick<Identity, 'namespace' | 'serviceAccount'>,
): string {
  return `${world.options.trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

function checkPrincipals(
  world: World,
  { source, model }: CheckedPolicy,
  context: { readonly principals: readonly string[]; readonly population: Population },
): void {
  for (const rule of model.rules) {
    const written = source.spec.rules.find(({ index }) => index === rule.index)?.from ?? [];
    for (const [position, { principals, trustDomains }] of rule.from.entries()) {
      if (principals === undefined && trustDomains === undefined) continue;
      const isPresented = context.principals.some(
        (principal) =>
          (principals === undefined || principals.some((pattern) => patternMatches(pattern, principal))) &&
          (trustDomains === undefined || trustDomains.some((domain) => principal.startsWith(`${domain}/`))),
      );
      const from = written[position];
      if (isPresented || from === undefined) continue;
      reportUnknownPrincipal(world, {
        origin: from.origin,
        written: from.principals ?? from.trustDomains ?? [],
        policy: source.origin,
        population: context.population,
      });
    }
  }
}

const completePrincipal = /^[^/]+\/ns\/([^/]+)\/sa\/([^/*]+)$/;

function reportUnknownPrincipal(
  world: World,
  finding: {
    readonly origin: Origin;
    readonly written: readonly string[];
    readonly policy: Origin;
    readonly population: Population;
  },
): void {
  const [first = ''] = finding.written;
  const [, namespace, account] = completePrincipal.exec(first) ?? [];
  const gateway = finding.population.gateways.find(({ identity }) => identity.namespace === namespace);
  const [anyGateway] = finding.population.gateways;
  const shown = gateway ?? anyGateway;
  const presents =
    shown === undefined
      ? ''
      : `; Gateway "${shown.identity.namespace}/${shown.name}" presents ${principalOf(world, shown.identity)}`;
  world.report(
    diagnose(codes.principalUnknown, {
      origin: finding.origin,
      message: `nobody presents ${finding.written.join(', ')}, which policy "${qualifiedName(finding.policy)}" allows${presents}`,
      remedy: unknownPrincipalRemedy(world, { gateway, namespace, account, patterns: finding.written }),
    }),
  );
}

function unknownPrincipalRemedy(
  world: World,
  finding: {
    readonly gateway: Population['gateways'][number] | undefined;
    readonly namespace: string | undefined;
    readonly account: string | undefined;
    readonly patterns: readonly string[];
  },
): string {
  const { gateway, account, namespace } = finding;
  const hasScheme = finding.patterns.some((pattern) => parseStringPattern(pattern).value.startsWith('spiffe://'));
  if (hasScheme) return 'Write the principal without spiffe://.';
  if (gateway !== undefined && account !== undefined) {
    return `Add the annotation networking.istio.io/service-account: ${account} to Gateway "${gateway.identity.namespace}/${gateway.name}", or allow ${principalOf(world, gateway.identity)}.`;
  }
  return account === undefined
    ? 'Write it as <trust domain>/ns/<namespace>/sa/<service account>.'
    : `Let a Gateway or workload of namespace "${namespace ?? ''}" run as service account "${account}", or correct the principal.`;
}

function checkPorts(
  world: World,
  { source }: CheckedPolicy,
  context: { readonly workloads: readonly WorkloadSource[]; readonly population: Population },
): void {
  const operations = source.spec.rules.flatMap(({ to }) => to);
  for (const operation of operations) {
    for (const wanted of [...(operation.ports ?? []), ...(operation.notPorts ?? [])]) {
      const mapped = context.workloads.flatMap((workload) => {
        const ports = context.population.portsOf(workload);
        const isWorkloadPort =
          ports.some(({ target }) => target === wanted) || workload.containerPorts.some(({ port }) => port === wanted);
        return isWorkloadPort ? [] : ports.filter(({ service }) => service === wanted);
      });
      const [first] = mapped;
      if (first === undefined) continue;
      world.report(
        diagnose(codes.policyNamesServicePort, {
          origin: operation.origin,
          message: `port ${wanted} is a Service port; the proxy of the workload sees target port ${first.target}`,
          remedy: `Write "${first.target}".`,
        }),
      );
    }
  }
}
