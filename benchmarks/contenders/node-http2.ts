import { join } from 'node:path';
import { freePort, startHops, type Contender } from '../contender.ts';

/** The naive baseline in the same language. */
export const nodeHttp2: Contender = {
  name: 'node:http2',
  unavailable: () => undefined,
  start: async ({ backendPort, credentials }) => {
    const [gatewayPort, sidecarPort] = [await freePort(), await freePort()];
    const script = join(import.meta.dirname, 'node-http2-hop.ts');
    const hop = (settings: object) => [script, JSON.stringify(settings)];
    const { gateway, sidecar, rootFile: ca } = credentials;
    const sidecarHop = {
      name: 'sidecar',
      command: process.execPath,
      args: hop({ listenPort: sidecarPort, upstream: `http://127.0.0.1:${backendPort}`, tlsIn: { ...sidecar, ca } }),
      port: sidecarPort,
    };
    const gatewayHop = {
      name: 'gateway',
      command: process.execPath,
      args: hop({
        listenPort: gatewayPort,
        upstream: `https://127.0.0.1:${sidecarPort}`,
        tlsOut: { cert: gateway.cert, key: gateway.key, ca, spiffeId: sidecar.spiffeId },
      }),
      port: gatewayPort,
    };
    // The gateway connects when it starts, so the sidecar comes first.
    const second = await startHops([sidecarHop]);
    const first = await startHops([gatewayHop]);
    return {
      port: gatewayPort,
      hops: [...first.hops, ...second.hops],
      stop: async () => {
        await first.stop();
        await second.stop();
      },
    };
  },
};
