import { z } from 'zod';
import { defineKind, objectOf } from '../kind.ts';
import { ignored } from '../schema.ts';
import type { ResourceObject } from '../object.ts';

/** A class of gateways (GEP-922); names the controller that serves it. */
export interface GatewayClass extends ResourceObject {
  readonly spec: { readonly controllerName: string; readonly description: string };
}

const schema = objectOf({
  spec: z.strictObject({
    controllerName: z
      .string()
      .regex(
        /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/,
        'must be a domain and a path\nWrite a name such as istio.io/gateway-controller.',
      )
      .max(253),
    description: z.string().max(64).default(''),
    parametersRef: ignored('the class is served without these parameters'),
  }),
});

export const gatewayClassKind = defineKind<GatewayClass, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'GatewayClass',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec }) => ({ spec: { controllerName: spec.controllerName, description: spec.description } }),
});
