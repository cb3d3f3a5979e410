import { diagnose, formatOrigin } from '../base/index.ts';
import { codes } from './codes.ts';
import type { DestinationModel, OriginatedTlsModel, PlaceModel, TrafficPolicyModel } from './model.ts';
import { placesOf } from './subsets.ts';
import type { World } from './world.ts';

/** One gateway's way to one Service port. */
export interface Hop {
  readonly gateway: string;
  readonly destination: DestinationModel;
  readonly policy: TrafficPolicyModel;
}

/** Where the client's side (DestinationRule) and the server's side (PeerAuthentication) do not fit. */
export function findMtlsFaults(world: World, hops: readonly Hop[]): void {
  for (const { gateway, destination, policy } of hops) {
    const { tls } = policy;
    // The decoder has reported what is not supported.
    if (tls.mode === 'auto' || tls.mode === 'unsupported') continue;
    const to = `from gateway "${gateway}" to ${destination.service.host}:${destination.service.port}`;
    for (const place of placesOf(destination, policy)) {
      if (tls.mode === 'tls') checkOwnTls(world, { place, tls, to });
      else checkPlace(world, { place, tls, to });
    }
  }
}

function checkPlace(
  world: World,
  hop: {
    readonly place: PlaceModel;
    readonly tls: Extract<TrafficPolicyModel['tls'], { readonly mode: 'ISTIO_MUTUAL' | 'DISABLE' }>;
    readonly to: string;
  },
): void {
  const { place, tls, to } = hop;
  if (place.type === 'direct') {
    if (tls.mode !== 'ISTIO_MUTUAL') return;
    world.report(
      diagnose(codes.mutualWithoutProxy, {
        origin: tls.origin,
        message: `ISTIO_MUTUAL ${to}: "${place.name}" has no proxy that would take mutual TLS`,
        remedy: 'Give it a proxy (remove sidecar.istio.io/inject: "false"), or remove tls from the DestinationRule.',
      }),
    );
    return;
  }
  const port = place.workload.ports.find(({ number }) => number === place.containerPort);
  if (port === undefined) return;
  if (tls.mode === 'ISTIO_MUTUAL' && port.mtls.mode === 'DISABLE') {
    world.report(
      diagnose(codes.mutualTowardsDisable, {
        origin: tls.origin,
        message: `ISTIO_MUTUAL ${to}, where ${formatOrigin(port.mtls.origin)} disables mutual TLS: every call fails`,
        remedy: 'Remove tls from the DestinationRule, or set the PeerAuthentication to STRICT or PERMISSIVE.',
      }),
    );
  }
  if (tls.mode === 'DISABLE' && port.mtls.mode === 'STRICT') {
    world.report(
      diagnose(codes.plaintextTowardsStrict, {
        origin: tls.origin,
        message: `tls DISABLE ${to}, where ${formatOrigin(port.mtls.origin)} is STRICT: every call fails`,
        remedy: 'Remove tls from the DestinationRule: mutual TLS is then used by itself.',
      }),
    );
  }
}

/** TLS that is to end at the backend meets the backend's proxy, which takes mutual TLS of the mesh or none. */
function checkOwnTls(
  world: World,
  { place, tls, to }: { readonly place: PlaceModel; readonly tls: OriginatedTlsModel; readonly to: string },
): void {
  if (place.type === 'direct') return;
  world.report(
    diagnose(codes.ownTlsTowardsProxy, {
      origin: tls.origin,
      message: `TLS to the backend itself ${to}, where the proxy of "${place.workload.name}" takes mutual TLS of the mesh: every call fails`,
      remedy:
        'Remove it, or take the proxy away with label sidecar.istio.io/inject: "false" where the backend does TLS.',
    }),
  );
}
