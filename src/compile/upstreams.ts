import type { Secret } from '../base/index.ts';
import type { Certificate } from '../plan/index.ts';
import { outboundCluster, outboundEndpoints, type OutboundInput } from './clusters.ts';
import { authoritiesId, certificateId } from './ids.ts';
import type { PlanPart } from './plan-part.ts';
import type { LoweringContext } from './snapshot.ts';

/** All that one proxy sends to, with what it needs for TLS on the way; each destination once. */
export function lowerUpstreams(
  hops: readonly OutboundInput[],
  context: LoweringContext,
): Pick<PlanPart, 'clusters' | 'endpoints' | 'certificates' | 'secrets'> {
  const tls = hops.flatMap(({ policy }) => (policy.tls.mode === 'tls' ? [policy.tls] : []));
  const own = tls.flatMap(({ clientCertificate }) => (clientCertificate === undefined ? [] : [clientCertificate]));
  return {
    clusters: hops.map((hop) => outboundCluster(hop, context)),
    endpoints: hops.flatMap((hop) => outboundEndpoints(hop, context)),
    certificates: [
      ...tls.flatMap(({ authorities }): readonly Certificate[] =>
        authorities === undefined
          ? []
          : [{ id: authoritiesId(authorities), origin: authorities.origin, chainPem: authorities.pem }],
      ),
      ...own.map((certificate) => ({
        id: certificateId(certificate),
        origin: certificate.origin,
        chainPem: certificate.chainPem,
      })),
    ],
    secrets: own.map((certificate): readonly [string, Secret] => [certificateId(certificate), certificate.key]),
  };
}
