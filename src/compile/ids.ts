/** Ids of plan elements: built from names of the YAML only, so that recompiling gives the same. */

interface InNamespace {
  readonly name: string;
  readonly identity: { readonly namespace: string };
}

export function gatewayId({ name, identity }: InNamespace): string {
  return `gateway/${identity.namespace}/${name}`;
}

export function sidecarId({ name, identity }: InNamespace): string {
  return `sidecar/${identity.namespace}/${name}`;
}

export function portId(proxy: string, port: number): string {
  return `${proxy}/${port}`;
}

export function listenerId(
  proxy: string,
  { port, name, set }: { readonly port: number; readonly name: string; readonly set?: string },
): string {
  return `${portId(proxy, port)}/${set === undefined ? '' : `${set}/`}${name}`;
}

export function outboundScopeId({ name }: { readonly name: string }): string {
  return `outbound/${name}`;
}

/** The outbound port of a sidecar that takes any authority, or the one that stands for a Service port. */
export function outboundPortId(proxy: string, service?: { readonly name: string; readonly port: number }): string {
  return service === undefined ? `${proxy}/outbound` : `${proxy}/outbound/${service.name}/${service.port}`;
}

export function certificateId({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `certificate/${namespace}/${name}`;
}

/** Certificate authorities of a Secret or ConfigMap. */
export function authoritiesId(source: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  return `authorities/${source.kind}/${source.namespace}/${source.name}`;
}
