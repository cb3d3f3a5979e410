import type { Mesh } from '../app/index.ts';
import { listingsOf, type Plan } from '../plan/index.ts';

/** Reflection comes a moment after the first connection to the application; longer is not worth waiting for. */
const waitForMethodsMs = 2_000;
const pollMs = 10;

/** A call that can be pasted: the first method a reader would try, through the first plaintext listener with a route. */
export async function suggestCall(mesh: Mesh): Promise<string | undefined> {
  const { plan } = mesh.state().result;
  const port = Object.values(plan.ports).find(
    ({ id, security, direction }) =>
      direction === 'gateway' && security.mode === 'plaintext' && mesh.addresses().has(id) && servesHttp(plan, id),
  );
  const virtualHost = listingsOf(plan).virtualHosts.elements.find(
    ({ listener }) => plan.listeners[listener]?.port === port?.id && plan.listeners[listener]?.relay === undefined,
  );
  if (port === undefined || virtualHost === undefined) return undefined;
  const methods = await waitForMethods(mesh);
  // Reading is the safe thing to try first.
  const method =
    methods.find((name) => /\/Get/.test(name)) ?? methods.find((name) => /\/List/.test(name)) ?? methods[0];
  const authority = virtualHost.hostname.startsWith('*') ? '' : ` -authority=${virtualHost.hostname}`;
  return `npx sallyport call -plaintext${authority} ${mesh.addresses().get(port.id) ?? ''} ${method ?? 'list'}`;
}

function servesHttp({ listeners }: Plan, portId: string): boolean {
  return Object.values(listeners).some(({ port, relay }) => port === portId && relay === undefined);
}

async function waitForMethods(mesh: Mesh): Promise<readonly string[]> {
  const untilMs = performance.now() + waitForMethodsMs;
  while (mesh.methods().length === 0 && performance.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  return mesh.methods();
}
