import { openSession, type Target } from './open-session.ts';
import { reasonOf } from './failure.ts';

/** How long the other kind of connection may take when the wanted one has failed; it runs only to improve a message. */
const probeTimeoutMs = 2_000;

/**
 * Whether the server would have understood the other security: TLS where plaintext was tried, and the other way round.
 * Asked only when the failure could come from that.
 */
export async function otherSecurityWorks(
  error: unknown,
  tried: {
    readonly target: Target;
    readonly isPlaintext: boolean;
    readonly signal: AbortSignal;
    /** How long the wanted connection was given. */
    readonly timeoutMs: number;
  },
): Promise<boolean> {
  if (!couldBeMistaken(error) || tried.signal.aborted) return false;
  const tls = tried.isPlaintext ? { ALPNProtocols: ['h2'], rejectUnauthorized: false } : undefined;
  const signal = AbortSignal.any([tried.signal, AbortSignal.timeout(Math.min(probeTimeoutMs, tried.timeoutMs))]);
  try {
    const session = await openSession({ target: tried.target, tls, authority: 'localhost', signal });
    session.destroy();
    return true;
  } catch (probeError) {
    // A server that wants a client certificate speaks TLS all the same.
    return tried.isPlaintext && codeOf(probeError).includes('CERTIFICATE_REQUIRED');
  }
}

/** The error in words that name the mistake. */
export function explainDialError(
  error: unknown,
  tried: { readonly target: Target; readonly isPlaintext: boolean; readonly isMistaken: boolean },
): Error {
  const where = 'path' in tried.target ? `dial unix ${tried.target.path}` : `dial tcp ${hostPort(error, tried.target)}`;
  if (tried.isMistaken) {
    return new Error(
      tried.isPlaintext
        ? 'the server speaks TLS, drop -plaintext'
        : 'tls: first record does not look like a TLS handshake: the server speaks plaintext HTTP/2, add -plaintext',
    );
  }
  const code = codeOf(error);
  const words = dialErrorWords.get(code);
  if (words !== undefined) return new Error(`${where}: ${words}`);
  const tlsWords = tlsErrorWords.get(code);
  return tlsWords === undefined ? new Error(reasonOf(innermost(error))) : new Error(`tls: ${tlsWords}`);
}

const dialErrorWords: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connect: connection refused (is the server running, and on this port?)'],
  ['ENOENT', 'connect: no such file or directory'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'temporary failure in name resolution'],
  ['EHOSTUNREACH', 'connect: no route to host'],
  ['ENETUNREACH', 'connect: network is unreachable'],
]);

const tlsErrorWords: ReadonlyMap<string, string> = new Map([
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'certificate required: the server wants a client certificate, use -cert and -key',
  ],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'the server certificate is signed by an unknown authority: give its root with -cacert'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the server certificate is self-signed: give it with -cacert'],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'the server certificate is signed by an unknown authority: give its root with -cacert',
  ],
  [
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'the server certificate is signed by an unknown authority: give its root with -cacert',
  ],
  ['CERT_HAS_EXPIRED', 'the server certificate has expired'],
]);

/** With several addresses for a name Node reports all failures at once; the first stands for them. */
function innermost(error: unknown): unknown {
  return error instanceof AggregateError ? innermost(error.errors[0]) : error;
}

function codeOf(error: unknown): string {
  const inner = innermost(error);
  return inner instanceof Error && 'code' in inner ? String(inner.code) : '';
}

function hostPort(error: unknown, target: { readonly host: string; readonly port: number }): string {
  const inner = innermost(error);
  const host = inner instanceof Error && 'address' in inner ? String(inner.address) : target.host;
  return `${host.includes(':') ? `[${host}]` : host}:${target.port}`;
}

function couldBeMistaken(error: unknown): boolean {
  const code = codeOf(error);
  return !dialErrorWords.has(code) && !tlsErrorWords.has(code) && !code.includes('CERT');
}
