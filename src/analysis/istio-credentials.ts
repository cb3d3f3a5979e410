import { diagnose } from '../base/index.ts';
import type { ClientValidation } from '../plan/index.ts';
import type { GatewayServer, Located, SecretObject, ServerTls } from '../resource/index.ts';
import { codes } from './codes.ts';
import { isPem } from './certificates.ts';
import { authoritiesFrom, certificateFrom, isFault } from './file-credentials.ts';
import type { IstioGatewayProxy } from './istio-gateway-proxies.ts';
import type { CertificateModel } from './model.ts';
import type { World } from './world.ts';

/** What a TLS server presents, and whom it takes. */
export interface ServerCredentials {
  readonly certificates: readonly CertificateModel[];
  readonly clientValidation?: ClientValidation;
}

interface Input {
  readonly server: GatewayServer;
  readonly proxy: IstioGatewayProxy;
}

/**
 * The Secrets of a TLS server, in the namespace of the gateway's workload (istio.md 4.5): `tls.crt` and `tls.key`, or
 * `cert` and `key` of a generic one; authorities for clients as `ca.crt` or `cacert` beside them, or in `<name>-cacert`.
 * Undefined: the server cannot be opened, which is reported.
 */
export function serverCredentials(world: World, input: Input): ServerCredentials | undefined {
  const { tls } = input.server;
  if (tls === undefined) return undefined;
  const certificates = [
    ...tls.credentialNames.map((name) => certificateOf(world, input, name)),
    ...tls.certificateFiles.map((files) => certificateInFiles(world, input, files)),
  ];
  const usable = certificates.filter((certificate) => certificate !== undefined);
  if (usable.length === 0) return undefined;
  if (tls.mode !== 'MUTUAL' && tls.mode !== 'OPTIONAL_MUTUAL') return { certificates: usable };
  const clientValidation = validationOf(world, input, tls);
  return clientValidation === undefined ? undefined : { certificates: usable, clientValidation };
}

function certificateOf(world: World, input: Input, name: Located<string>): CertificateModel | undefined {
  const { namespace } = input.proxy.identity;
  const secret = world.secrets.get(`${namespace}/${name.value}`);
  if (secret === undefined) return fail(world, input, { name, why: missing(world, input, name.value) });
  const chain = (secret.data['tls.crt'] ?? secret.data['cert'])?.reveal();
  const key = secret.data['tls.key'] ?? secret.data['key'];
  if (chain === undefined || key === undefined) {
    return fail(world, input, { name, why: `Secret "${namespace}/${name.value}" has no tls.crt or no tls.key` });
  }
  if (!isPem(chain, 'CERTIFICATE') || !isPem(key.reveal(), '(?:RSA |EC )?PRIVATE KEY')) {
    return fail(world, input, { name, why: `tls.crt or tls.key of Secret "${namespace}/${name.value}" is no PEM` });
  }
  const fault = world.options.findPemFault?.({ certificates: chain, key });
  if (fault !== undefined) return fail(world, input, { name, why: `Secret "${namespace}/${name.value}" ${fault}` });
  return { origin: secret.origin, namespace, name: name.value, chainPem: chain, key };
}

function certificateInFiles(
  world: World,
  input: Input,
  files: ServerTls['certificateFiles'][number],
): CertificateModel | undefined {
  const found = certificateFrom(world, input.proxy.identity.mounts ?? [], files);
  return isFault(found) ? failFile(world, input, found) : found;
}

function missing(world: World, { proxy }: Input, name: string): string {
  const { namespace } = proxy.identity;
  const elsewhere = world.resources.secrets
    .filter(({ metadata }) => metadata.name === name)
    .map(({ metadata }) => metadata.namespace);
  const hint = elsewhere.length === 0 ? '' : `, only in "${elsewhere.join('", "')}"`;
  return `there is no Secret "${name}" in namespace "${namespace}", where the gateway runs${hint}`;
}

function validationOf(world: World, input: Input, tls: ServerTls): ClientValidation | undefined {
  const { namespace } = input.proxy.identity;
  const [own] = tls.credentialNames;
  const name = tls.caCredentialName ?? own;
  if (name === undefined) return validationByFile(world, input, tls);
  const candidates = [`${name.value}-cacert`, name.value].flatMap(
    (one) => world.secrets.get(`${namespace}/${one}`) ?? [],
  );
  const ca = candidates.map(authoritiesOf).find((pem) => pem !== undefined);
  if (ca === undefined || !isPem(ca, 'CERTIFICATE')) {
    return fail(world, input, {
      name,
      why: `mode ${tls.mode} needs certificate authorities, and neither Secret "${namespace}/${name.value}-cacert" nor "${namespace}/${name.value}" has ca.crt`,
    });
  }
  return validationBy(tls, ca);
}

function validationBy(tls: ServerTls, caPem: string): ClientValidation {
  const { origin, mode, clientNames: names, clientHashes: certificates, clientKeyHashes: keys } = tls;
  return {
    origin,
    caPem,
    mode: mode === 'MUTUAL' ? 'required' : 'optional',
    ...(names.length === 0 ? {} : { names }),
    ...(certificates.length + keys.length === 0 ? {} : { pins: { certificates, keys } }),
  };
}

function validationByFile(world: World, input: Input, tls: ServerTls): ClientValidation | undefined {
  if (tls.caFile === undefined) return undefined;
  const found = authoritiesFrom(world, input.proxy.identity.mounts ?? [], tls.caFile);
  if (isFault(found)) return failFile(world, input, found);
  return validationBy(tls, found.pem);
}

function failFile(
  world: World,
  { server }: Input,
  { path, why }: { readonly path: Located<string>; readonly why: string },
): undefined {
  world.report(
    diagnose(codes.serverWithoutCertificate, {
      origin: path.origin,
      message: `server "${server.port.name}" (port ${server.port.number}) lacks a certificate: file ${path.value}: ${why}`,
      remedy:
        "Use credentialName; or mount a Secret there in container istio-proxy of the gateway's Deployment. Files of this machine are not read.",
    }),
  );
  return undefined;
}

function authoritiesOf({ data }: SecretObject): string | undefined {
  return (data['ca.crt'] ?? data['cacert'])?.reveal();
}

function fail(
  world: World,
  { server }: Input,
  fault: { readonly name: Located<string>; readonly why: string },
): undefined {
  world.report(
    diagnose(codes.serverWithoutCertificate, {
      origin: fault.name.origin,
      message: `server "${server.port.name}" (port ${server.port.number}) lacks a certificate: ${fault.why}`,
      remedy: 'Create the Secret there, of type kubernetes.io/tls; for local use: sallyport certs self-signed.',
    }),
  );
  return undefined;
}
