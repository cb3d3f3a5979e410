import type { ResourceObject } from '../object.ts';

/** A class of gateways (GEP-922); names the controller that serves it. */
export interface GatewayClass extends ResourceObject {
  readonly spec: { readonly controllerName: string; readonly description: string };
}
