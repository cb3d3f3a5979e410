import { diagnose, type DiagnosticCode } from '../base/index.ts';
import type { ClientValidation } from '../plan/index.ts';
import type { CaCertificateRef, FrontendValidation, Gateway } from '../resource/index.ts';
import { isPem } from './certificates.ts';
import { codes } from './codes.ts';
import type { Fault } from './listener-owner.ts';
import { grantRemedy, isPermitted } from './reference-grants.ts';
import type { World } from './world.ts';

/** What `spec.tls.frontend` asks of the clients of one port. */
export interface CheckedValidation {
  /** Absent when no reference leads to a certificate: then the listener must not be served. */
  readonly validation?: ClientValidation;
  /** The first reference that does not resolve. */
  readonly unresolved?: Fault;
  /** Set when none does. */
  readonly refused?: Fault;
}

/**
 * Client certificates by port (GEP-91): `perPort` replaces the default, also by nothing. They belong to the port and not to
 * a hostname, because a connection for one hostname may be used for another. Each port is worked out once.
 */
export function makeFrontendValidation(
  world: World,
  gateway: Gateway,
): (port: number) => CheckedValidation | undefined {
  const { frontendTls } = gateway.spec;
  if (frontendTls === undefined) return () => undefined;
  const known = new Map<FrontendValidation, CheckedValidation>();
  return (port) => {
    const own = frontendTls.perPort.find((entry) => entry.port === port);
    const wanted = own === undefined ? frontendTls.default : own.validation;
    if (wanted === undefined) return undefined;
    const checked = known.get(wanted) ?? checkValidation(world, gateway, wanted);
    known.set(wanted, checked);
    return checked;
  };
}

function checkValidation(world: World, gateway: Gateway, wanted: FrontendValidation): CheckedValidation {
  const { origin, mode } = wanted;
  const resolved = wanted.caCertificateRefs.map((ref) => resolveCa(world, gateway, ref));
  const pems = resolved.flatMap((one) => ('pem' in one ? [one.pem] : []));
  const [unresolved] = resolved.flatMap((one) => ('pem' in one ? [] : [one]));
  if (mode === 'AllowInsecureFallback') {
    world.report(
      diagnose(codes.insecureFrontend, {
        origin,
        message: 'clients are served also without a certificate, or with one that is not valid',
        remedy: 'Write mode: AllowValidOnly, unless the backends judge their clients themselves.',
      }),
    );
  }
  const fault = unresolved === undefined ? {} : { unresolved };
  if (pems.length === 0) {
    return { ...fault, refused: { reason: 'NoValidCACertificate', message: unresolved?.message ?? '' } };
  }
  return {
    ...fault,
    validation: {
      origin,
      caPem: pems.map((pem) => `${pem.trim()}\n`).join(''),
      mode: mode === 'AllowValidOnly' ? 'required' : 'insecure-fallback',
    },
  };
}

function resolveCa(world: World, gateway: Gateway, ref: CaCertificateRef): { readonly pem: string } | Fault {
  const name = `${ref.namespace}/${ref.name}`;
  const fail = (reason: string, finding: { message: string; remedy: string; code?: DiagnosticCode }): Fault => {
    const { message, remedy, code = codes.caCertificateInvalid } = finding;
    world.report(diagnose(code, { origin: ref.origin, message, remedy }));
    return { reason, message };
  };
  if (ref.group !== '' || ref.kind !== 'ConfigMap') {
    return fail('InvalidCACertificateKind', {
      message: `caCertificateRef "${ref.name}": kind "${ref.kind}" is no ConfigMap`,
      remedy: 'Name a ConfigMap with the certificates under the key ca.crt.',
    });
  }
  const reference = {
    from: { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: gateway.metadata.namespace },
    to: { group: '', kind: 'ConfigMap', namespace: ref.namespace, name: ref.name },
  };
  if (!isPermitted(world, reference)) {
    return fail('RefNotPermitted', {
      code: codes.caCertificateNotPermitted,
      message: `caCertificateRef "${ref.name}": no ReferenceGrant lets Gateways of namespace "${gateway.metadata.namespace}" use ConfigMap "${name}"`,
      remedy: grantRemedy(world, reference),
    });
  }
  const found = world.resources.configMaps.find(
    ({ metadata }) => metadata.namespace === ref.namespace && metadata.name === ref.name,
  );
  if (found === undefined) {
    return fail('InvalidCACertificateRef', {
      message: `caCertificateRef "${ref.name}": no such ConfigMap in namespace "${ref.namespace}"`,
      remedy: `Create it: kubectl create configmap ${ref.name} -n ${ref.namespace} --from-file=ca.crt --dry-run=client -o yaml.`,
    });
  }
  const pem = found.data['ca.crt'];
  if (pem === undefined || !isPem(pem, 'CERTIFICATE')) {
    return fail('InvalidCACertificateRef', {
      message: `caCertificateRef "${ref.name}": ConfigMap "${name}" has no PEM certificate under ca.crt`,
      remedy: 'Put the certificates of the authority there, as PEM.',
    });
  }
  const fault = world.options.findPemFault?.({ certificates: pem });
  if (fault !== undefined) {
    return fail('InvalidCACertificateRef', {
      message: `caCertificateRef "${ref.name}": ConfigMap "${name}" ${fault}`,
      remedy: 'Put the certificates of the authority there, as PEM.',
    });
  }
  return { pem };
}

/** Entries of `perPort` that have no effect. */
export function reportUnusedPorts(world: World, gateway: Gateway, tlsPorts: ReadonlySet<number>): void {
  for (const { origin, port } of gateway.spec.frontendTls?.perPort ?? []) {
    if (tlsPorts.has(port)) continue;
    world.report(
      diagnose(codes.perPortUnused, {
        origin,
        message: `no listener ends TLS on port ${port}`,
        remedy: 'Name the port of a listener with protocol HTTPS, or take the entry away.',
      }),
    );
  }
}
