import { readFileSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { explainDialError, otherSecurityWorks } from './dial-errors.ts';
import { CallFailure, failureOf, step } from './failure.ts';
import { quoteGo } from './go-text.ts';
import type { CallOptions } from './options.ts';
import { openSession, type Target } from './open-session.ts';

/** An HTTP/2 connection that has shown itself to work: the server's SETTINGS have arrived. */
export interface Connection {
  readonly session: ClientHttp2Session;
  readonly scheme: 'http' | 'https';
  /** Value for `:authority`. */
  readonly authority: string;
  close(): void;
}

const defaultConnectTimeoutMs = 10_000;

/**
 * Connects as the flags say. `deadline` aborts it too.
 *
 * @throws {CallFailure} naming the address and the likely mistake.
 */
export async function dial(options: CallOptions, deadline: AbortSignal): Promise<Connection> {
  const { flags, address = '' } = options;
  const what = `Failed to dial target host ${quoteGo(address)}`;
  const target = await step(what, () => parseTarget(address, flags.unix === true));
  const isPlaintext = flags.plaintext === true;
  const tls = isPlaintext ? undefined : await step('Failed to create TLS config', () => tlsOptions(options, target));
  const overrideName = isPlaintext ? flags.authority : (flags.servername ?? flags.authority);
  const authority = overrideName ?? ('path' in target ? 'localhost' : address.replace(/^(dns|passthrough):\/*/, ''));
  const timeoutSeconds = flags['connect-timeout'] ?? 0;
  const timeoutMs = timeoutSeconds > 0 ? timeoutSeconds * 1000 : defaultConnectTimeoutMs;
  const signal = AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]);
  let session: ClientHttp2Session;
  try {
    session = await openSession({ target, tls, authority, signal });
  } catch (error) {
    const isMistaken = await otherSecurityWorks(error, { target, isPlaintext, signal: deadline, timeoutMs });
    throw failureOf(what, explainDialError(error, { target, isPlaintext, isMistaken }));
  }
  // Errors of a connection reach the calls on it; alone they mean nothing here.
  session.on('error', () => {});
  const stopKeepalive = keepAlive(session, flags['keepalive-time'] ?? 0);
  return {
    session,
    scheme: isPlaintext ? 'http' : 'https',
    authority,
    close: () => {
      stopKeepalive();
      session.destroy();
    },
  };
}

function parseTarget(address: string, isUnix: boolean): Target {
  if (isUnix || address.startsWith('unix:')) return { path: address.replace(/^unix:(\/\/)?/, '') };
  const match = /^(?:(?:dns|passthrough):\/*)?(?:\[([^\]]+)\]|([^:]*)):(\w+)$/.exec(address);
  const port = namedPorts.get(match?.[3] ?? '') ?? Number(match?.[3]);
  if (match === null || !Number.isInteger(port)) throw new CallFailure(`address ${address}: missing port in address`);
  if (port > 65_535) throw new CallFailure(`address ${port}: invalid port`);
  return { host: (match[1] ?? match[2] ?? '') || 'localhost', port };
}

/** The service names that people give instead of a port. */
const namedPorts: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
]);

function tlsOptions(options: CallOptions, target: Target): ConnectionOptions {
  const { flags } = options;
  const name =
    (flags.servername ?? flags.authority)?.replace(/:\d+$/, '') ?? ('host' in target ? target.host : 'localhost');
  const hasKey = flags.cert !== undefined && flags.cert !== '' && flags.key !== undefined;
  return {
    ALPNProtocols: ['h2'],
    // Server name indication knows no IP addresses (RFC 6066).
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: flags.insecure !== true,
    ...(flags.cacert !== undefined && flags.cacert !== '' && flags.insecure !== true
      ? { ca: read(flags.cacert, 'could not read ca certificate') }
      : {}),
    ...(hasKey
      ? {
          cert: read(flags.cert, 'could not load client key pair'),
          key: read(flags.key, 'could not load client key pair'),
        }
      : {}),
  };
}

function read(file: string, words: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw failureOf(words, error);
  }
}

/** Pings at each interval and gives the connection up when no answer came within one. Answers the way to stop. */
function keepAlive(session: ClientHttp2Session, seconds: number): () => void {
  if (seconds <= 0) return () => {};
  let isWaiting = false;
  const timer = setInterval(() => {
    if (isWaiting || session.destroyed) {
      clearInterval(timer);
      session.destroy(new Error('keepalive ping failed to receive ACK within timeout'));
      return;
    }
    isWaiting = session.ping(() => (isWaiting = false));
  }, seconds * 1000);
  return () => clearInterval(timer);
}
