import type { Port } from '../plan/index.ts';
import { formatOrigin } from '../base/index.ts';
import { handshakeFailures, limitsActed, plaintextRefused, type Counters } from '../telemetry/index.ts';
import type { RefusedConnection } from '../transport/index.ts';

/** Says who knocked and why it was turned away, and counts it. `detail` comes escaped from transport and identity. */
export function reportRefused(options: {
  readonly port: Port;
  readonly refused: RefusedConnection;
  readonly counters: Counters;
  readonly log: (line: string) => void;
}): void {
  const { port, refused, counters, log } = options;
  const { facts, cause, detail } = refused;
  if (cause === 'plaintext-refused') counters.add(plaintextRefused, [port.id]);
  else if (cause === 'connection-cap' || cause === 'client-cap') counters.add(limitsActed, [cause]);
  else counters.add(handshakeFailures, ['server', cause]);
  if (cause === 'handshake-timeout' || cause === 'first-byte-timeout') counters.add(limitsActed, [cause]);
  const rule =
    port.security.mode === 'mtls'
      ? ` (${port.security.peerAuthentication} by ${formatOrigin(port.security.origin)})`
      : '';
  log(`${port.id}: closed connection from ${facts.remoteAddress}:${facts.remotePort}: ${cause}: ${detail}${rule}`);
}
