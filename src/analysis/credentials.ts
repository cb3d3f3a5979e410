import { diagnose } from '../base/index.ts';
import type { ClientTls, Located, SecretObject } from '../resource/index.ts';
import { isPem } from './certificates.ts';
import { codes } from './codes.ts';
import { authoritiesFrom, certificateFrom, isFault, type FileResult } from './file-credentials.ts';
import type { AuthoritiesModel, CertificateModel, ClientModel } from './model.ts';
import type { World } from './world.ts';

export interface CredentialWanted {
  /** The proxy that makes the connection: the Secret lies in its namespace. */
  readonly client: ClientModel;
  readonly name: Located<string>;
  readonly wantsClientCertificate: boolean;
  readonly wantsAuthorities: boolean;
}

/** What a proxy needs for its own side of TLS, or the field for which there is no use. */
export type Credential =
  | { readonly authorities?: AuthoritiesModel; readonly clientCertificate?: CertificateModel }
  | { readonly unusable: string };

const authorityKeys = ['ca.crt', 'cacert'] as const;

/**
 * Follows `credentialName` of a DestinationRule (istio.md 3.5): a Secret with `tls.crt`, `tls.key` and `ca.crt`, or Istio's
 * older `cert`, `key` and `cacert`; the authorities may also lie in `<name>-cacert`.
 */
export function resolveCredential(world: World, wanted: CredentialWanted): Credential {
  const { client, name } = wanted;
  const unusable = { unusable: `tls.credentialName "${name.value}"` };
  const find = (secretName: string): SecretObject | undefined => world.secrets.get(`${client.namespace}/${secretName}`);
  const secret = find(name.value);
  const authoritySecret = [find(`${name.value}-cacert`), secret].find(
    (one) => one !== undefined && authorityKeys.some((key) => one.data[key] !== undefined),
  );
  if (secret === undefined && authoritySecret === undefined) {
    report(world, wanted, `there is no such Secret in namespace "${client.namespace}", where the proxy runs`);
    return unusable;
  }
  const authorities = wanted.wantsAuthorities ? authoritiesOf(authoritySecret) : undefined;
  if (wanted.wantsAuthorities && authorities === undefined) {
    report(world, wanted, 'the Secret has no authorities in PEM form (ca.crt) to judge the backend by');
    return unusable;
  }
  const clientCertificate = wanted.wantsClientCertificate ? certificateOf(secret) : undefined;
  if (wanted.wantsClientCertificate && clientCertificate === undefined) {
    report(world, wanted, 'the Secret has no client certificate and key in PEM form (tls.crt, tls.key)');
    return unusable;
  }
  return {
    ...(authorities === undefined ? {} : { authorities }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

function authoritiesOf(secret: SecretObject | undefined): AuthoritiesModel | undefined {
  const pem =
    secret === undefined
      ? undefined
      : authorityKeys
          .map((key) => secret.data[key])
          .find((one) => one)
          ?.reveal();
  if (secret === undefined || pem === undefined || !isPem(pem, 'CERTIFICATE')) return undefined;
  const { origin, metadata } = secret;
  return { origin, kind: 'Secret', namespace: metadata.namespace, name: metadata.name, pem };
}

function certificateOf(secret: SecretObject | undefined): CertificateModel | undefined {
  const chain = secret?.data['tls.crt'] ?? secret?.data['cert'];
  const key = secret?.data['tls.key'] ?? secret?.data['key'];
  if (secret === undefined || chain === undefined || key === undefined) return undefined;
  const chainPem = chain.reveal();
  if (!isPem(chainPem, 'CERTIFICATE') || !isPem(key.reveal(), '(?:RSA |EC )?PRIVATE KEY')) return undefined;
  const { namespace, name } = secret.metadata;
  return { origin: secret.origin, namespace, name, chainPem, key };
}

function report(world: World, { name }: CredentialWanted, why: string): void {
  world.report(
    diagnose(codes.credentialUnusable, {
      origin: name.origin,
      message: `credentialName "${name.value}": ${why}; calls to this host fail`,
      remedy:
        'Create the Secret there with tls.crt, tls.key and ca.crt, as kubectl create secret generic does from files.',
    }),
  );
}

/** Istio's word for the authorities of the operating system, and where its image has them. */
const systemAuthorities: ReadonlySet<string> = new Set(['system', '/etc/ssl/certs/ca-certificates.crt']);

/** What the paths of a DestinationRule lead to in the container of the proxy that makes the connection. */
export function resolveFiles(world: World, client: ClientModel, tls: ClientTls): Credential {
  const { clientCertificateFile: certificate, privateKeyFile: privateKey, caFile, insecureSkipVerify } = tls;
  const mounts = client.mounts ?? [];
  const own =
    certificate === undefined || privateKey === undefined
      ? undefined
      : certificateFrom(world, mounts, { certificate, privateKey });
  if (own !== undefined && isFault(own)) return unusableFile(world, own);
  const asks = caFile !== undefined && !insecureSkipVerify && !systemAuthorities.has(caFile.value);
  const authorities = asks ? authoritiesFrom(world, mounts, caFile) : undefined;
  if (authorities !== undefined && isFault(authorities)) return unusableFile(world, authorities);
  return {
    ...(authorities === undefined ? {} : { authorities }),
    ...(own === undefined ? {} : { clientCertificate: own }),
  };
}

function unusableFile(
  world: World,
  { path, why }: Extract<FileResult<object>, { why: string }>,
): { readonly unusable: string } {
  world.report(
    diagnose(codes.credentialUnusable, {
      origin: path.origin,
      message: `file ${path.value}: ${why}; calls to this host fail`,
      remedy:
        'Use credentialName; or mount a Secret there, in container istio-proxy or by the annotations sidecar.istio.io/userVolume and userVolumeMount. Files of this machine are not read.',
    }),
  );
  return { unusable: `tls file ${path.value}` };
}
