/** Kinds that have a part in the traffic path elsewhere and cannot have one here, each with what that means. */
interface UnsupportedKind {
  readonly message: string;
  readonly remedy: string;
}

const extension: UnsupportedKind = {
  message:
    'no extension runs in this proxy: requests pass without what it does, authentication and authorization included',
  remedy:
    'Say it by RequestAuthentication and AuthorizationPolicy where these can; the extension itself can only be tried in a cluster.',
};

export const unsupportedKinds: ReadonlyMap<string, UnsupportedKind> = new Map([
  [
    'networking.istio.io/EnvoyFilter',
    {
      message: 'there is no Envoy here that could be patched: none of its patches has an effect',
      remedy:
        'Say it by VirtualService, DestinationRule or Telemetry where these can; the patch itself can only be tried in a cluster.',
    },
  ],
  ['extensions.istio.io/WasmPlugin', extension],
  ['extensions.istio.io/TrafficExtension', extension],
]);
