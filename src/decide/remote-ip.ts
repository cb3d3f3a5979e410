import { isIP } from 'node:net';
import type { RequestFacts } from './facts.ts';
import type { BoundFacts } from './policy-types.ts';

/**
 * The client's address as Envoy's `remote_ip`: the entry of `x-forwarded-for` that the last trusted proxy wrote, or the
 * direct peer. The header is the one that is sent on, so a gateway's ends with the peer's own address, which this gateway
 * appended: with 0 trusted proxies in front that entry is the answer, with 1 the one before it, and so on. A sidecar
 * reads the last entry, which the gateway wrote, and only from a peer of the mesh: anybody else could write anything.
 */
export function remoteIpOf(request: RequestFacts, connection: BoundFacts, trustedProxies: number): string {
  const { sourceIp } = connection;
  if (!connection.isEdge && connection.principal === '') return sourceIp;
  const forwarded = request.header('x-forwarded-for');
  if (forwarded === undefined) return sourceIp;
  const entries = forwarded.split(',');
  const address = entries.at(-1 - trustedProxies)?.trim();
  return address !== undefined && isIP(address) !== 0 ? address : sourceIp;
}
