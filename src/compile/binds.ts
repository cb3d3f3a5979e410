import { analysisCodes, type CompileOptions, type GatewayModel } from '../analysis/index.ts';
import { diagnose, type Diagnostic } from '../base/index.ts';
import { gatewayId } from './ids.ts';

/** Below this, a port may need privileges to bind. */
const firstFreePort = 1024;

export interface Binds {
  /** The local port to bind for a listener port; 0 for any free one. */
  readonly bindPort: (gateway: GatewayModel, port: number) => number;
  readonly diagnostics: readonly Diagnostic[];
}

/** On one machine Gateways share an address: the first, by namespace and name, gets the port both want. */
export function gatewayBinds(gateways: readonly GatewayModel[], options: CompileOptions): Binds {
  const owners = new Map<number, GatewayModel>();
  const diagnostics: Diagnostic[] = [];
  for (const gateway of gateways) {
    const first = new Map([...gateway.listeners].toReversed().map((listener) => [listener.port, listener]));
    for (const [port, { origin }] of first) {
      const owner = owners.get(port);
      if (owner === undefined) owners.set(port, gateway);
      else if (!options.freePorts) {
        diagnostics.push(
          diagnose(analysisCodes.portTaken, {
            origin,
            message: `port ${port} is taken by Gateway "${owner.identity.namespace}/${owner.name}"; any free port is used`,
            remedy: 'Look at the list of listeners for the real port, or give the listener another port.',
          }),
        );
      }
    }
  }
  const offset = options.lowPortOffset ?? 0;
  return {
    bindPort: (gateway, port) => {
      const owner = owners.get(port);
      const isOwner = owner !== undefined && gatewayId(owner) === gatewayId(gateway);
      if (options.freePorts || !isOwner) return 0;
      return port < firstFreePort ? port + offset : port;
    },
    diagnostics,
  };
}
