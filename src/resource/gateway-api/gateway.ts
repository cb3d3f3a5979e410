import type { Origin } from '../../base/index.ts';
import type { LabelSelector, Located, ResourceObject, Unsupported } from '../object.ts';

export interface Gateway extends ResourceObject {
  readonly spec: GatewaySpec;
}

export interface GatewaySpec {
  readonly gatewayClassName: Located<string>;
  /** At least one, names are unique. */
  readonly listeners: readonly Listener[];
  /** Annotation `gateway.istio.io/service-account` or `networking.istio.io/service-account`: what the gateway runs as. */
  readonly serviceAccount?: Located<string>;
  /** Annotation `gateway.istio.io/name-override`: replaces `<gateway>-<class>` as name of workload and service account. */
  readonly nameOverride?: Located<string>;
  /** Not empty: none of the listeners may be served. */
  readonly unsupported: readonly Unsupported[];
}

export interface Listener {
  readonly origin: Origin;
  readonly name: string;
  /** Lower case, `*.` prefix for wildcards; absent: any. */
  readonly hostname?: Located<string>;
  readonly port: number;
  /** `HTTP`, `HTTPS`; anything else (`TLS`, `TCP`, `UDP`, `example.com/x`) is also in `unsupported`. */
  readonly protocol: Located<string>;
  readonly tls?: ListenerTls;
  readonly allowedRoutes: AllowedRoutes;
  readonly unsupported: readonly Unsupported[];
}

export interface ListenerTls {
  readonly origin: Origin;
  /** `Passthrough` is also in the listener's `unsupported`. */
  readonly mode: 'Terminate' | 'Passthrough';
  readonly certificateRefs: readonly CertificateRef[];
}

export interface CertificateRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The Gateway's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
}

export interface AllowedRoutes {
  readonly origin: Origin;
  readonly from: 'All' | 'Selector' | 'Same';
  /** Present with `from: Selector`. */
  readonly selector?: LabelSelector;
  /** Empty: the kinds that suit the protocol. */
  readonly kinds: readonly RouteGroupKind[];
}

export interface RouteGroupKind {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
}
