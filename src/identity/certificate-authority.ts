import { createPublicKey, webcrypto, type KeyObject } from 'node:crypto';
import { systemClock, type Clock } from '../base/index.ts';
import { makeRootPem, randomSerial, readRootPem, signingAlgorithm, wholeSeconds, type CaRoot } from './ca-root.ts';
import { defaultSvidTtlSeconds, maxCsrBytes, maxSvidTtlSeconds, notBeforeGraceSeconds } from './limits.ts';
import { oid } from './oids.ts';
import { readPemBlock, writePem } from './pem.ts';
import { parseSpiffeId } from './spiffe-id.ts';
import { readOrCreateStateFile } from './state-file.ts';

export type AuthorityResult =
  | { readonly authority: CertificateAuthority; readonly error?: undefined; readonly remedy?: undefined }
  /** `remedy`: what the operator can do, one sentence. */
  | { readonly error: string; readonly remedy: string; readonly authority?: undefined };

export interface IssueRequest {
  /** PKCS#10. Only its key is used; names and extensions in it are ignored. */
  readonly csrPem: string;
  /** Decided by the caller, who knows which process asks. */
  readonly spiffeId: string;
  /** Default 24 h, at most 90 days. */
  readonly ttlSeconds?: number;
}

export type IssueResult =
  | { readonly chainPem: string; readonly notAfterMs: number; readonly error?: undefined }
  | { readonly error: string; readonly chainPem?: undefined };

/** The state file: certificate and key in one, so that no crash and no race can leave two that do not fit. */
const stateFileName = 'mesh-root.pem';

/**
 * The built-in authority: an ECDSA P-256 root that signs workload certificates, in the profile of Istio's istiod
 * (empty subject, one URI name, 24 h). The private key is never printed and never returned.
 */
export class CertificateAuthority {
  /** The root certificate: the trust bundle of all that this authority issues. */
  readonly rootPem: string;
  /** Milliseconds since 1970. */
  readonly rootNotAfterMs: number;
  readonly #root: CaRoot;
  readonly #clock: Clock;

  private constructor(root: CaRoot, clock: Clock) {
    this.#root = root;
    this.#clock = clock;
    this.rootPem = root.certificatePem;
    this.rootNotAfterMs = root.notAfterMs;
  }

  /**
   * The authority whose root lies in `stateDirectory` (mode 0700, file 0600); both are made if absent. A file that is
   * broken, expired or open to others is an error, never a reason to make a new root in silence.
   */
  static async open(stateDirectory: string, options: { readonly clock?: Clock } = {}): Promise<AuthorityResult> {
    const clock = options.clock ?? systemClock;
    const path = { directory: stateDirectory, name: stateFileName };
    const file = await readOrCreateStateFile(path, () => makeRootPem(clock.wallMs()));
    if (file.error !== undefined) return file;
    const { root, error } = readRootPem(file.text, clock.wallMs());
    if (root !== undefined) return { authority: new CertificateAuthority(root, clock) };
    return {
      error: `root in ${stateDirectory}/${stateFileName} cannot be used: ${error}`,
      remedy: 'Restore the file from a backup, or remove it: a new root is made, and every identity is issued anew.',
    };
  }

  /** An authority that lives as long as this process. */
  static async ephemeral(options: { readonly clock?: Clock } = {}): Promise<CertificateAuthority> {
    const clock = options.clock ?? systemClock;
    const { root, error } = readRootPem(await makeRootPem(clock.wallMs()), clock.wallMs());
    if (root === undefined) throw new Error(`a root that was just made cannot be read: ${error}`);
    return new CertificateAuthority(root, clock);
  }

  /** Signs a workload certificate. What is wrong with the request is returned, safe to log. */
  async issue(request: IssueRequest): Promise<IssueResult> {
    const ttlSeconds = request.ttlSeconds ?? defaultSvidTtlSeconds;
    const requestError = checkIdentity(request.spiffeId) ?? checkTtl(ttlSeconds);
    if (requestError !== undefined) return { error: requestError };
    const { publicKeyInfo, error } = await readCsr(request.csrPem);
    if (publicKeyInfo === undefined) return { error };
    const nowMs = this.#clock.wallMs();
    const notAfterMs = Math.min(nowMs + ttlSeconds * 1000, this.rootNotAfterMs);
    if (notAfterMs <= nowMs) {
      return { error: `root certificate expired at ${new Date(this.rootNotAfterMs).toISOString()}` };
    }
    const leaf = await signLeaf(this.#root, { publicKeyInfo, spiffeId: request.spiffeId, nowMs, notAfterMs });
    return { chainPem: writePem('CERTIFICATE', leaf), notAfterMs: wholeSeconds(notAfterMs).getTime() };
  }
}

function checkIdentity(spiffeId: string): string | undefined {
  const { id, error } = parseSpiffeId(spiffeId);
  if (id === undefined) return error;
  return id.path === '' ? `${spiffeId} names a trust domain, not a workload (no path)` : undefined;
}

function checkTtl(ttlSeconds: number): string | undefined {
  if (Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= maxSvidTtlSeconds) return undefined;
  return `lifetime of ${ttlSeconds} s is not between 1 and ${maxSvidTtlSeconds} s`;
}

type CsrResult =
  | { readonly publicKeyInfo: Buffer; readonly error?: undefined }
  | { readonly error: string; readonly publicKeyInfo?: undefined };

/** The key of a request that proves it holds that key. */
async function readCsr(csrPem: string): Promise<CsrResult> {
  if (csrPem.length > maxCsrBytes) return { error: `certificate request is larger than ${maxCsrBytes} bytes` };
  const block = readPemBlock(csrPem, 'CERTIFICATE REQUEST');
  if ('error' in block) return { error: `certificate request: ${block.error}` };
  const x509 = await import('./x509-library.ts');
  try {
    const csr = new x509.Pkcs10CertificateRequest(block.der);
    const publicKeyInfo = Buffer.from(csr.publicKey.rawData);
    const key = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
    if (!isP256(key)) return { error: 'certificate request: key is not ECDSA P-256' };
    return (await csr.verify()) ? { publicKeyInfo } : { error: 'certificate request: signature does not verify' };
  } catch {
    // The library throws on what it cannot read; its messages may quote the input, so they are not passed on.
    return { error: 'certificate request cannot be read' };
  }
}

function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

interface LeafFacts {
  readonly publicKeyInfo: Buffer;
  readonly spiffeId: string;
  readonly nowMs: number;
  readonly notAfterMs: number;
}

async function signLeaf(root: CaRoot, facts: LeafFacts): Promise<Buffer> {
  const x509 = await import('./x509-library.ts');
  const keyDer = root.privateKey.export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', keyDer, signingAlgorithm, false, ['sign']);
  const issuer = new x509.X509Certificate(root.certificateDer);
  const publicKey = new x509.PublicKey(facts.publicKeyInfo);
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    issuer: issuer.subjectName,
    subject: '',
    notBefore: wholeSeconds(facts.nowMs - notBeforeGraceSeconds * 1000),
    notAfter: wholeSeconds(facts.notAfterMs),
    signingAlgorithm,
    signingKey,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([oid.serverAuth, oid.clientAuth]),
      // Critical, because the subject is empty (RFC 5280 §4.1.2.6).
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: facts.spiffeId }], true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return Buffer.from(leaf.rawData);
}
