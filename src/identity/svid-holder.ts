import { Secret, type Clock } from '../base/index.ts';

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

/** Holds the key and the SVID of one proxy process. The app asks for certificates; this class only says when. */
export class SvidHolder {
  constructor(_options: { readonly clock: Clock; readonly random: () => number }) {}

  /** A PKCS#10 request (PEM) for a fresh P-256 key; `accept` then expects a certificate for that key. */
  csr(): string {
    return '';
  }

  /** Takes the answer to the last `csr()`, or a new bundle for the current SVID. On error the current SVID stays. */
  accept(_chainPem: string, _bundlePem: string): AcceptResult {
    return { error: 'nothing is accepted yet' };
  }

  current(): Svid | undefined {
    return undefined;
  }

  /** Called after each accepted change; returns the way to stop. */
  onChange(_listener: (svid: Svid) => void): () => void {
    return () => undefined;
  }
}
