import { analysisCodes, type CompileOptions, type GatewayModel } from '../analysis/index.ts';
import { diagnose, type Diagnostic, type Origin } from '../base/index.ts';
import { gatewayId } from './ids.ts';

/** Below this, a port may need privileges to bind. */
const firstFreePort = 1024;

export interface Binds {
  /** The local port to bind for a listener port; 0 for any free one. */
  readonly bindPort: (gateway: GatewayModel, port: number) => number;
  readonly diagnostics: readonly Diagnostic[];
}

/** On one machine Gateways share an address: the first, by namespace and name, gets the port that several want. */
export function gatewayBinds(gateways: readonly GatewayModel[], options: CompileOptions): Binds {
  const wanted = (port: number): number => (port < firstFreePort ? port + (options.lowPortOffset ?? 0) : port);
  const owners = new Map<string, { readonly id: string; readonly port: number }>();
  const placeOf = ({ bindHost = options.bindHost }: GatewayModel, port: number): string =>
    `${bindHost}:${wanted(port)}`;
  const diagnostics: Diagnostic[] = [];
  for (const gateway of gateways) {
    const first = new Map([...gateway.listeners].toReversed().map((listener) => [listener.port, listener]));
    for (const [port, { origin }] of first) {
      const owner = owners.get(placeOf(gateway, port));
      if (owner === undefined) owners.set(placeOf(gateway, port), { id: gatewayId(gateway), port });
      else if (!options.freePorts) diagnostics.push(taken(origin, { port: wanted(port), owner: owner.id }));
    }
  }
  return {
    bindPort: (gateway, port) => {
      const owner = owners.get(placeOf(gateway, port));
      const isOwner = owner?.id === gatewayId(gateway) && owner.port === port;
      return options.freePorts || !isOwner ? 0 : wanted(port);
    },
    diagnostics,
  };
}

function taken(origin: Origin, clash: { readonly port: number; readonly owner: string }): Diagnostic {
  return diagnose(analysisCodes.portTaken, {
    origin,
    message: `local port ${clash.port} is taken by ${clash.owner}; any free port is used`,
    remedy: 'Look at the list of listeners for the real port, or give the listener another port.',
  });
}
