/** Certificates for HTTPS listeners on one machine: for tests, examples and `sallyport certs`. */
import { createPrivateKey, webcrypto } from 'node:crypto';
import { Secret } from '../base/index.ts';
import { randomSerial, signingAlgorithm, wholeSeconds } from './ca-root.ts';
import { listenerCertificateTtlSeconds, notBeforeGraceSeconds } from './limits.ts';
import { oid } from './oids.ts';
import { writePem } from './pem.ts';

/** A certificate with its key; what a Secret of type `kubernetes.io/tls` holds. */
export interface ListenerCertificate {
  readonly certificatePem: string;
  readonly keyPem: Secret;
}

export type ListenerCertificateResult =
  | { readonly listener: ListenerCertificate; readonly error?: undefined }
  | { readonly error: string; readonly listener?: undefined };

const hostnameForm = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;

/**
 * A server certificate (P-256, 397 days) for DNS names, `*.` wildcards and IP addresses: signed by `signedBy` from
 * `makeListenerCa`, else by itself. Errors: no names, or one that is neither a host name nor an address.
 */
export async function makeListenerCertificate(
  hostnames: readonly string[],
  options: { readonly nowMs: number; readonly signedBy?: ListenerCertificate },
): Promise<ListenerCertificateResult> {
  if (hostnames.length === 0) return { error: 'a listener certificate needs at least one host name' };
  const wrong = hostnames.find((name) => !isAddress(name) && (name.length > 253 || !hostnameForm.test(name)));
  if (wrong !== undefined) return { error: `${JSON.stringify(wrong.slice(0, 253))} is not a host name or IP address` };
  const x509 = await import('./x509-library.ts');
  const names = hostnames.map((name) => ({ type: isAddress(name) ? 'ip' : 'dns', value: name }) as const);
  return {
    listener: await signCertificate({
      ...options,
      subject: 'O=Sallyport, CN=local listener',
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([oid.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names),
      ],
    }),
  };
}

/** A root for listener certificates, which a user can trust in one place. It is not the mesh's root. */
export async function makeListenerCa(options: { readonly nowMs: number }): Promise<ListenerCertificate> {
  const x509 = await import('./x509-library.ts');
  return signCertificate({
    nowMs: options.nowMs,
    subject: 'O=Sallyport, CN=local listener root',
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
}

const ipv4Form = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

function isAddress(name: string): boolean {
  return ipv4Form.test(name) || (name.includes(':') && URL.canParse(`http://[${name}]/`));
}

interface SigningFacts {
  readonly nowMs: number;
  readonly subject: string;
  readonly signedBy?: ListenerCertificate;
  readonly extensions: readonly import('@peculiar/x509').Extension[];
}

async function signCertificate(facts: SigningFacts): Promise<ListenerCertificate> {
  const x509 = await import('./x509-library.ts');
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const issuer = facts.signedBy === undefined ? undefined : new x509.X509Certificate(facts.signedBy.certificatePem);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: facts.subject,
    issuer: issuer?.subjectName ?? facts.subject,
    notBefore: wholeSeconds(facts.nowMs - notBeforeGraceSeconds * 1000),
    notAfter: wholeSeconds(facts.nowMs + listenerCertificateTtlSeconds * 1000),
    signingAlgorithm,
    signingKey: facts.signedBy === undefined ? keys.privateKey : await importKey(facts.signedBy.keyPem),
    publicKey: keys.publicKey,
    extensions: [
      ...facts.extensions,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer?.publicKey ?? keys.publicKey),
    ],
  });
  const keyDer = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    certificatePem: writePem('CERTIFICATE', Buffer.from(certificate.rawData)),
    keyPem: new Secret(writePem('PRIVATE KEY', keyDer)),
  };
}

async function importKey(keyPem: Secret): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem.reveal()).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm, false, ['sign']);
}
