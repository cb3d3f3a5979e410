import { diagnose } from '../base/index.ts';
import type { CertificateRef } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { ListenerOwner } from './listener-owner.ts';
import type { CertificateModel } from './model.ts';
import { grantRemedy, isPermitted } from './reference-grants.ts';
import type { World } from './world.ts';

export type CertificateFault = {
  readonly reason: 'InvalidCertificateRef' | 'RefNotPermitted';
  readonly message: string;
};

export type ResolvedCertificate = { readonly certificate: CertificateModel } | { readonly fault: CertificateFault };

/** Follows a certificateRef of a listener to its Secret (Gateway API, GatewayTLSConfig.certificateRefs). */
export function resolveCertificate(
  world: World,
  { kind, source: { metadata } }: Pick<ListenerOwner, 'kind' | 'source'>,
  ref: CertificateRef,
): ResolvedCertificate {
  const name = `${ref.namespace}/${ref.name}`;
  if (ref.group !== '' || ref.kind !== 'Secret') {
    return invalid(world, ref, {
      message: `certificateRef "${ref.name}": kind "${kindOf(ref)}" is no Secret`,
      remedy: 'Name a Secret of type kubernetes.io/tls.',
    });
  }
  const reference = {
    from: { group: 'gateway.networking.k8s.io', kind, namespace: metadata.namespace },
    to: { group: '', kind: 'Secret', namespace: ref.namespace, name: ref.name },
  };
  if (!isPermitted(world, reference)) {
    const message = `certificateRef "${ref.name}": no ReferenceGrant lets ${kind}s of namespace "${metadata.namespace}" use Secret "${name}"`;
    world.report(
      diagnose(codes.certificateNotPermitted, { origin: ref.origin, message, remedy: grantRemedy(world, reference) }),
    );
    return { fault: { reason: 'RefNotPermitted', message } };
  }
  const secret = world.secrets.get(name);
  if (secret === undefined) {
    return invalid(world, ref, {
      message: `certificateRef "${ref.name}": no such Secret in namespace "${ref.namespace}"`,
      remedy: `For local use: sallyport certs self-signed --secret ${name} --host HOSTNAME > secret.yaml, then -f secret.yaml.`,
    });
  }
  const chain = secret.data['tls.crt'];
  const key = secret.data['tls.key'];
  if (chain === undefined || key === undefined) {
    return invalid(world, ref, {
      message: `certificateRef "${ref.name}": Secret "${name}" of type "${secret.type}" has no tls.crt or no tls.key`,
      remedy: 'Use a Secret of type kubernetes.io/tls.',
    });
  }
  const chainPem = chain.reveal();
  if (!isPem(chainPem, 'CERTIFICATE') || !isPem(key.reveal(), '(?:RSA |EC )?PRIVATE KEY')) {
    return invalid(world, ref, {
      message: `certificateRef "${ref.name}": tls.crt or tls.key of Secret "${name}" is no PEM`,
      remedy: 'Check that the values are base64 of PEM files.',
    });
  }
  const fault = world.options.findPemFault?.({ certificates: chainPem, key });
  if (fault !== undefined) {
    return invalid(world, ref, {
      message: `certificateRef "${ref.name}": Secret "${name}" ${fault}`,
      remedy: 'Check that tls.crt begins with the certificate itself and that tls.key is its key.',
    });
  }
  return { certificate: { origin: secret.origin, namespace: ref.namespace, name: ref.name, chainPem, key } };
}

function kindOf({ group, kind }: CertificateRef): string {
  return group === '' ? kind : `${group}/${kind}`;
}

/** Whether the text holds a PEM block; whether its bytes make sense is for `findPemFault` to say. */
export function isPem(text: string, label: string): boolean {
  return new RegExp(`-----BEGIN ${label}-----[\\sA-Za-z0-9+/=]+-----END ${label}-----`).test(text);
}

function invalid(
  world: World,
  ref: CertificateRef,
  finding: { readonly message: string; readonly remedy: string },
): ResolvedCertificate {
  world.report(diagnose(codes.certificateInvalid, { origin: ref.origin, ...finding }));
  return { fault: { reason: 'InvalidCertificateRef', message: finding.message } };
}
