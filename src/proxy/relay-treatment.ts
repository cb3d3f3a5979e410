import { selectListenerForSni, type CompiledPort, type CompiledProxy } from '../decide/index.ts';
import type { ClientHello, TreatmentOf } from '../transport/index.ts';

/** At a gateway the listener of the server name says what becomes of a TLS connection. */
export function gatewayTreatment(port: CompiledPort): TreatmentOf {
  return ({ sni }) => {
    const relay = selectListenerForSni(port, sni)?.listener.relay;
    if (relay === 'passthrough') return 'passthrough';
    return relay === 'tcp' ? 'bytes' : 'http2';
  };
}

/**
 * At a sidecar whose application speaks no HTTP: mutual TLS of a mesh peer is ended here, and TLS of anyone else is the
 * application's own where plaintext is accepted too (istio.md 2.2).
 */
function inboundTreatment(acceptsPlaintext: boolean): TreatmentOf {
  return (hello) => (!acceptsPlaintext || isOfMesh(hello) ? 'bytes' : 'passthrough');
}

/** Where peers of the mesh come with mutual TLS; at a gateway (`ISTIO_MUTUAL`) some listeners of a port may speak HTTP. */
export function meshTreatment(port: CompiledPort, acceptsPlaintext: boolean): TreatmentOf {
  return port.port.direction === 'gateway' ? gatewayTreatment(port) : inboundTreatment(acceptsPlaintext);
}

/** Istio's mark is the protocol; HTTP/2 clusters of this mesh are known by their server names. */
function isOfMesh({ alpn, sni }: ClientHello): boolean {
  return alpn.some((name) => name === 'istio' || name.startsWith('istio-')) || sni.startsWith('outbound_.');
}

/** Ids of the clusters whose applications need not speak HTTP. */
export function relayedClusters({ ports }: CompiledProxy): ReadonlySet<string> {
  const routes = [...ports.values()]
    .filter(({ relays }) => relays)
    .flatMap(({ listeners }) => listeners.filter(({ listener }) => listener.relay !== undefined))
    .flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes.routes));
  return new Set(routes.flatMap(({ backends }) => backends.flatMap(({ cluster }) => cluster?.cluster.id ?? [])));
}
