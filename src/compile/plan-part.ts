import type { Secret } from '../base/index.ts';
import type {
  AuthorizationPolicy,
  Certificate,
  Cluster,
  Endpoint,
  Listener,
  Port,
  Proxy,
  RequestAuthentication,
  Route,
  VirtualHost,
} from '../plan/index.ts';

/** What one proxy adds to the plan; parts are joined, never changed. */
export interface PlanPart {
  readonly proxies: readonly Proxy[];
  readonly ports: readonly Port[];
  readonly listeners: readonly Listener[];
  readonly virtualHosts: readonly VirtualHost[];
  readonly routes: readonly Route[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly Endpoint[];
  readonly policies: readonly AuthorizationPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly certificates: readonly Certificate[];
  /** Keys of client certificates, by the certificate's id; those of listeners come from the analysis. */
  readonly secrets?: readonly (readonly [string, Secret])[];
}

/** Adds nothing. */
export const emptyPart: PlanPart = {
  proxies: [],
  ports: [],
  listeners: [],
  virtualHosts: [],
  routes: [],
  clusters: [],
  endpoints: [],
  policies: [],
  requestAuthentications: [],
  certificates: [],
};
