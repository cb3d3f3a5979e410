/** One small mesh's certificates for the contenders that cannot ask Sallyport's authority: the same profile, the same keys. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  readonly rootFile: string;
  /** Certificate and key in one file, as HAProxy wants it. */
  readonly gatewayBundle: string;
  readonly sidecarBundle: string;
  readonly gateway: { readonly cert: string; readonly key: string; readonly spiffeId: string };
  readonly sidecar: { readonly cert: string; readonly key: string; readonly spiffeId: string };
}

const gatewayId = 'spiffe://cluster.local/ns/gateway/sa/istio-ingressgateway-service-account';
const sidecarId = 'spiffe://cluster.local/ns/default/sa/asset-management';

/** Makes a P-256 root and two leaves below `directory` with the openssl command. */
export function makeCredentials(directory: string): Credentials {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = (name: string) => join(directory, name);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const key = (name: string) => {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path(`${name}.key`));
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', path(`${name}.key`), '-out', path(`${name}.key.pem`));
  };
  key('root');
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    path('root.key.pem'),
    '-days',
    '30',
    '-subj',
    '/O=bench',
    '-out',
    path('root.pem'),
  );
  const leaf = (name: string, spiffeId: string) => {
    key(name);
    writeFileSync(
      path(`${name}.ext`),
      `subjectAltName=URI:${spiffeId}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n`,
    );
    openssl('req', '-new', '-key', path(`${name}.key.pem`), '-subj', '/', '-out', path(`${name}.csr`));
    openssl(
      'x509',
      '-req',
      '-in',
      path(`${name}.csr`),
      '-CA',
      path('root.pem'),
      '-CAkey',
      path('root.key.pem'),
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.pem`),
    );
    execFileSync(
      'sh',
      ['-c', `cat ${name}.pem ${name}.key.pem > ${name}.bundle.pem && chmod 600 ${name}.bundle.pem ${name}.key.pem`],
      { cwd: directory },
    );
    return { cert: path(`${name}.pem`), key: path(`${name}.key.pem`), spiffeId };
  };
  return {
    rootFile: path('root.pem'),
    gateway: leaf('gateway', gatewayId),
    sidecar: leaf('sidecar', sidecarId),
    gatewayBundle: path('gateway.bundle.pem'),
    sidecarBundle: path('sidecar.bundle.pem'),
  };
}
