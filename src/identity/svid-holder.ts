import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Secret, type Clock } from '../base/index.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { createCsr } from './csr.ts';
import { renewRatio, renewRatioJitter } from './limits.ts';
import { readPemCertificates } from './pem.ts';
import { leafSpiffeId } from './svid-profile.ts';
import { verifyPeer } from './verify-peer.ts';

/** The identity a proxy process presents now. */
export interface Svid {
  /** The private key, PKCS#8 PEM; it was made in this process and never leaves it. */
  readonly keyPem: Secret;
  /** Leaf first, without the root. */
  readonly chainPem: string;
  /** Roots that peers are verified against. */
  readonly bundlePem: string;
  readonly spiffeId: string;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** When the next CSR is due: half of the lifetime, with jitter. Milliseconds since 1970. */
  readonly renewAtMs: number;
}

export type AcceptResult =
  | { readonly svid: Svid; readonly error?: undefined }
  | { readonly error: string; readonly svid?: undefined };

interface HeldKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER: what the leaf must carry. */
  readonly publicKeyInfo: Buffer;
}

/**
 * Holds the key and the SVID of one proxy process. The app asks for certificates; this class only says when
 * (`Svid.renewAtMs`). Keys are in private fields and in `Secret`, so nothing prints them.
 */
export class SvidHolder {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #listeners = new Set<(svid: Svid) => void>();
  #pending: HeldKey | undefined;
  #active: (HeldKey & { readonly svid: Svid }) | undefined;

  /** `random` gives numbers in [0, 1), for the jitter only. */
  constructor(options: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** A PKCS#10 request (PEM) for a fresh P-256 key, as in Istio a new one each time; `accept` then expects it. */
  csr(): string {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.#pending = { privateKey, publicKeyInfo: publicKey.export({ format: 'der', type: 'spki' }) };
    return createCsr(privateKey);
  }

  /**
   * Takes the answer to the last `csr()`, or a new bundle for the SVID in use. The chain must carry our key and pass the
   * checks that peers will make, in both roles. On error, which is safe to log, the SVID in use stays.
   */
  accept(chainPem: string, bundlePem: string): AcceptResult {
    const chain = readPemCertificates(chainPem);
    const [leafDer] = chain.ders ?? [];
    if (leafDer === undefined) return { error: `certificate chain: ${chain.error}` };
    const parsed = parseCertificate(leafDer);
    if (parsed.error !== undefined) return parsed;
    const leaf = parsed.certificate;
    const key = [this.#pending, this.#active].find((held) => held?.publicKeyInfo.equals(leaf.publicKeyInfo) === true);
    if (key === undefined) return { error: 'certificate is not for a key of this process' };
    const verdict = checkOwnChain(chain.ders ?? [], { leaf, bundlePem, nowMs: this.#clock.wallMs() });
    if (verdict.error !== undefined) return verdict;
    const svid: Svid = {
      keyPem: new Secret(key.privateKey.export({ format: 'pem', type: 'pkcs8' })),
      chainPem,
      bundlePem,
      spiffeId: verdict.spiffeId,
      notBeforeMs: leaf.notBeforeMs,
      notAfterMs: leaf.notAfterMs,
      renewAtMs: this.#active?.svid.chainPem === chainPem ? this.#active.svid.renewAtMs : this.#renewAtMs(leaf),
    };
    this.#active = { privateKey: key.privateKey, publicKeyInfo: key.publicKeyInfo, svid };
    if (key === this.#pending) this.#pending = undefined;
    for (const listener of this.#listeners) listener(svid);
    return { svid };
  }

  /** The SVID in use; `undefined` before the first `accept`. It may have expired: see `notAfterMs`. */
  current(): Svid | undefined {
    return this.#active?.svid;
  }

  /** Called after each accepted change; returns the way to stop. */
  onChange(listener: (svid: Svid) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Counted from now, not from NotBefore: that one is backdated, by more than the whole life of a very short SVID. */
  #renewAtMs(leaf: ParsedCertificate): number {
    const nowMs = this.#clock.wallMs();
    const ratio = renewRatio + (this.#random() * 2 - 1) * renewRatioJitter;
    return Math.round(nowMs + (leaf.notAfterMs - nowMs) * ratio);
  }
}

/** The trust domain is that of the leaf: which one is right is the issuer's decision, not ours. */
function checkOwnChain(
  ders: readonly Buffer[],
  facts: { readonly leaf: ParsedCertificate; readonly bundlePem: string; readonly nowMs: number },
): ReturnType<typeof verifyPeer> {
  const { id, error } = leafSpiffeId(facts.leaf);
  if (id === undefined) return { error };
  const trust = { trustDomain: id.trustDomain, bundlePem: facts.bundlePem, nowMs: facts.nowMs };
  const asServer = verifyPeer(ders, { ...trust, role: 'server' });
  return asServer.error === undefined ? verifyPeer(ders, { ...trust, role: 'client' }) : asServer;
}
