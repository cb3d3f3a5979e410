import type { World } from './world.ts';

/** What istiod writes for the class that it makes itself, which manifests therefore rarely have. */
const usualController = 'istio.io/gateway-controller';

/** `controllerName` of a status: that of the class, where the class is written; it is served here whatever it says. */
export function controllerOf({ resources }: World, className: string | undefined): string {
  const found = resources.gatewayClasses.find(({ metadata }) => metadata.name === className);
  return found?.spec.controllerName ?? usualController;
}

/** That of the class of a Gateway, `namespace/name`. */
export function controllerOfGateway(world: World, key: string): string {
  return controllerOf(world, world.gateways.get(key)?.spec.gatewayClassName.value);
}
