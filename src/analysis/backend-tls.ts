import { diagnose, formatOrigin } from '../base/index.ts';
import type { PeerName } from '../plan/index.ts';
import type { BackendTlsPolicy, BackendTlsTarget, CaReference } from '../resource/index.ts';
import { compareObjects, whyFirst } from './age.ts';
import { isPem } from './certificates.ts';
import { codes } from './codes.ts';
import type { AuthoritiesModel, ServicePortModel, TlsModel } from './model.ts';
import { didYouMean } from './suggest-name.ts';
import { keyOf, namesIn, type World } from './world.ts';

/** A BackendTLSPolicy (Gateway API v1, GEP-1897) with what became of its references. */
export interface CheckedBackendTls {
  readonly source: BackendTlsPolicy;
  /** What gateways do for TLS where the policy counts; not servable when it has no authority to judge by. */
  readonly tls: TlsModel;
  /** `Accepted=False`, but for conflicts. */
  readonly refused?: Fault;
  /** `ResolvedRefs=False`. */
  readonly unresolved?: Fault;
  /** Targets that another policy has, which goes first: `Accepted=False`, `Conflicted` for Gateways that lead there. */
  readonly conflicts: ReadonlyMap<BackendTlsTarget, Fault>;
}

export interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** The policy for a Service port: one for the port by its name before one for the whole Service. */
export type BackendTlsLookup = (service: ServicePortModel) => CheckedBackendTls | undefined;

export interface BackendTlsPolicies {
  readonly checked: readonly CheckedBackendTls[];
  readonly find: BackendTlsLookup;
}

export function checkBackendTls(world: World): BackendTlsPolicies {
  const policies = [...world.resources.backendTlsPolicies].sort(compareObjects);
  const owners = new Map<string, BackendTlsPolicy>();
  for (const policy of policies) {
    for (const target of policy.spec.targetRefs) {
      const key = targetKey(policy, target);
      if (isService(target) && !owners.has(key)) owners.set(key, policy);
    }
  }
  const checked = policies.map((source) => check(world, source, owners));
  const bySource = new Map(checked.map((one) => [one.source, one]));
  const find: BackendTlsLookup = ({ namespace, name, port }) => {
    const portName = world.services
      .get(`${namespace}/${name}`)
      ?.spec.ports.find((candidate) => candidate.port === port)?.name;
    const ofPort = portName === undefined ? undefined : owners.get(`${namespace}/${name}/${portName}`);
    const owner = ofPort ?? owners.get(`${namespace}/${name}/`);
    return owner === undefined ? undefined : bySource.get(owner);
  };
  return { checked, find };
}

function isService({ group, kind }: BackendTlsTarget): boolean {
  return group === '' && kind === 'Service';
}

function targetKey(policy: BackendTlsPolicy, { name, sectionName = '' }: BackendTlsTarget): string {
  return `${policy.metadata.namespace}/${name}/${sectionName}`;
}

function check(
  world: World,
  source: BackendTlsPolicy,
  owners: ReadonlyMap<string, BackendTlsPolicy>,
): CheckedBackendTls {
  const conflicts = conflictsOf(world, source, owners);
  const refused = refusalOf(world, source);
  const { authorities, unresolved } = authoritiesOf(world, source);
  const { hostname, subjectAltNames, caCertificateRefs, wellKnown } = source.spec.validation;
  const names = subjectAltNames.map(({ type, value }): PeerName => ({ type: type === 'URI' ? 'uri' : 'dns', value }));
  const hasNone = wellKnown === undefined && authorities === undefined;
  const noAuthority = hasNone
    ? { reason: 'NoValidCACertificate', message: unresolved?.message ?? 'no certificate authority' }
    : undefined;
  const isServable = !hasNone && (wellKnown === undefined || wellKnown.value === 'System');
  return {
    source,
    conflicts,
    tls: isServable
      ? {
          mode: 'tls',
          origin: source.origin,
          sni: hostname,
          subjectAltNames: names,
          insecureSkipVerify: false,
          ...(authorities === undefined ? {} : { authorities }),
        }
      : {
          mode: 'unsupported',
          field:
            wellKnown === undefined ? 'validation.caCertificateRefs' : `wellKnownCACertificates ${wellKnown.value}`,
          origin: wellKnown?.origin ?? caCertificateRefs[0]?.origin ?? source.origin,
        },
    ...optional({ refused: refused ?? noAuthority, unresolved }),
  };
}

function optional<T extends object>(faults: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(faults).filter(([, fault]) => fault !== undefined)) as Partial<T>;
}

function conflictsOf(
  world: World,
  source: BackendTlsPolicy,
  owners: ReadonlyMap<string, BackendTlsPolicy>,
): ReadonlyMap<BackendTlsTarget, Fault> {
  const conflicts = new Map<BackendTlsTarget, Fault>();
  for (const target of source.spec.targetRefs) {
    const owner = owners.get(targetKey(source, target));
    if (!isService(target) || owner === undefined || owner === source) continue;
    const message = `${formatOrigin(owner.origin)} has target "${target.name}" too, and ${whyFirst(owner, source)}`;
    world.report(
      diagnose(codes.backendTlsConflicted, {
        origin: target.origin,
        message: `not used for this target: ${message}`,
        remedy: 'Keep one of the two, or give them sectionNames of their own.',
      }),
    );
    conflicts.set(target, { reason: 'Conflicted', message });
  }
  return conflicts;
}

function refusalOf(world: World, source: BackendTlsPolicy): Fault | undefined {
  const { validation, targetRefs } = source.spec;
  const { wellKnown } = validation;
  if (wellKnown !== undefined && wellKnown.value !== 'System') {
    const message = `wellKnownCACertificates "${wellKnown.value}" is not known here, only System`;
    world.report(
      diagnose(codes.backendTlsUnusable, {
        origin: wellKnown.origin,
        message: `${message}: calls to its targets fail`,
        remedy: 'Write System, or name ConfigMaps in caCertificateRefs.',
      }),
    );
    return { reason: 'Invalid', message };
  }
  for (const target of targetRefs) {
    const { metadata } = source;
    const service = isService(target) ? world.services.get(`${metadata.namespace}/${target.name}`) : undefined;
    const hasPort =
      target.sectionName === undefined || service?.spec.ports.some(({ name }) => name === target.sectionName) === true;
    if (service !== undefined && hasPort) continue;
    const message =
      service === undefined
        ? `there is no ${target.kind} "${target.name}" in namespace "${metadata.namespace}" that TLS could be for`
        : `Service "${keyOf(service)}" has no port named "${target.sectionName}"`;
    const names = service === undefined ? [] : service.spec.ports.map(({ name }) => name).filter((name) => name !== '');
    world.report(
      diagnose(codes.backendTlsTargetNotFound, {
        origin: target.origin,
        message,
        remedy:
          service === undefined
            ? `Name a Service of the same namespace; group is "".${didYouMean(target.name, namesIn(world.resources.services, metadata.namespace))}`
            : `sectionName is the name of a port of the Service, not its number${names.length === 0 ? '; its ports have no names' : `: ${names.join(', ')}`}.`,
      }),
    );
    return { reason: 'TargetNotFound', message };
  }
  return undefined;
}

/** The authorities of all references that can be followed, and what is wrong with the first that cannot. */
function authoritiesOf(
  world: World,
  { spec, metadata }: BackendTlsPolicy,
): { readonly authorities?: AuthoritiesModel; readonly unresolved?: Fault } {
  const found: AuthoritiesModel[] = [];
  let unresolved: Fault | undefined;
  for (const ref of spec.validation.caCertificateRefs) {
    const authority = follow(world, metadata.namespace, ref);
    if ('pem' in authority) found.push(authority);
    else unresolved ??= authority;
  }
  const [first] = found;
  return optional({
    authorities: first && {
      ...first,
      name: found.map(({ name }) => name).join('+'),
      pem: found.map(({ pem }) => pem).join('\n'),
    },
    unresolved,
  });
}

function follow(world: World, namespace: string, ref: CaReference): AuthoritiesModel | Fault {
  const fault = (reason: string, message: string): Fault => {
    world.report(
      diagnose(codes.backendTlsUnusable, {
        origin: ref.origin,
        message: `caCertificateRef "${ref.name}": ${message}`,
        remedy: 'Name a ConfigMap of the same namespace that holds PEM certificates under ca.crt.',
      }),
    );
    return { reason, message: `caCertificateRef "${ref.name}": ${message}` };
  };
  if (ref.group !== '' || ref.kind !== 'ConfigMap') return fault('InvalidKind', `${ref.kind} is no ConfigMap`);
  const map = world.resources.configMaps.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === ref.name,
  );
  const pem = map?.data['ca.crt'];
  if (map === undefined) return fault('InvalidCACertificateRef', `no such ConfigMap in namespace "${namespace}"`);
  if (pem === undefined || !isPem(pem, 'CERTIFICATE')) {
    return fault('InvalidCACertificateRef', `ConfigMap "${keyOf(map)}" has no certificate in PEM form under ca.crt`);
  }
  const broken = world.options.findPemFault?.({ certificates: pem });
  if (broken !== undefined) return fault('InvalidCACertificateRef', `ConfigMap "${keyOf(map)}" ${broken}`);
  return { origin: map.origin, kind: 'ConfigMap', namespace, name: ref.name, pem };
}
