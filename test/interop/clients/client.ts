/** What the cases need of a client stack written in TypeScript. */
import type { TestMessage, TestMethod } from '../schema.ts';
import type { MetadataMap, Received } from '../test-service.ts';

export interface CallOptions {
  readonly metadata?: MetadataMap;
  readonly timeoutMs?: number;
  /** Messages are compressed with gzip unless `send` says otherwise. */
  readonly compress?: boolean;
}

export interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly headers: MetadataMap;
  readonly trailers: MetadataMap;
}

/** A call that goes on; every method kind is used through it, on the stack's own API for that kind. */
export interface ClientCall {
  send(message: TestMessage, options?: { readonly compress?: boolean }): void;
  end(): void;
  /** Undefined once the response has ended, well or not. */
  next(): Promise<Received | undefined>;
  cancel(): void;
  readonly outcome: Promise<Outcome>;
}

export interface InteropClient {
  call(method: TestMethod, options?: CallOptions): ClientCall;
  close(): void;
}

export interface Target {
  readonly port: number;
  /** PEM of the certificate to trust; absent: plaintext. */
  readonly caPem?: string;
}

/** The name in the listener's certificate. */
export const serverName = 'interop.example.com';
