/** Reasons for people: which YAML refused a request, and what came nearest. Off the hot path, but bounded all the same. */
import { formatOrigin } from '../base/index.ts';
import type { Cluster } from '../plan/index.ts';
import type { RequestFacts } from './facts.ts';
import { explainAuthorization } from './explain-authorization.ts';
import { explainRoute } from './explain-route.ts';
import type { LocalCause } from './local-answer.ts';
import { localAnswer } from './local-answer.ts';
import type { AuthorizationDecision, BoundAuthorization } from './policy-types.ts';
import { quote } from './quote.ts';
import type { CompiledBackend, CompiledCluster, CompiledPort, CompiledRoute, RouteDecision } from './types.ts';

/** What was refused, with what the decision was made from. */
export type Refusal =
  | {
      readonly type: 'route';
      readonly port: CompiledPort;
      readonly request: RequestFacts;
      readonly decision: RouteDecision;
    }
  | {
      readonly type: 'authorization';
      readonly bound: BoundAuthorization;
      readonly request: RequestFacts;
      readonly decision: AuthorizationDecision;
    }
  /** The route's action fails, or the chosen backend is invalid. */
  | { readonly type: 'backend'; readonly route: CompiledRoute; readonly backend: CompiledBackend | undefined }
  /** The cluster has no usable endpoint, did not answer, or is full. */
  | {
      readonly type: 'upstream';
      readonly cause: LocalCause;
      readonly cluster: CompiledCluster;
      readonly detail?: string;
    }
  /** The request itself is not acceptable: `invalid_path`, `not_grpc`, `method_not_post`, … */
  | { readonly type: 'request'; readonly cause: LocalCause; readonly request: RequestFacts };

/** One line, printable ASCII; values that the client controls are quoted, escaped and cut. For logs, not for the client. */
export function explainRefusal(refusal: Refusal): string {
  switch (refusal.type) {
    case 'route':
      return explainRoute(refusal);
    case 'authorization':
      return explainAuthorization(refusal);
    case 'backend':
      return explainBackend(refusal.route, refusal.backend);
    case 'upstream':
      return explainUpstream(refusal);
    case 'request':
      return explainRequest(refusal.cause, refusal.request);
  }
}

function explainBackend(route: CompiledRoute, backend: CompiledBackend | undefined): string {
  const why = route.failReason ?? backend?.invalid ?? 'it has no backend with a weight above 0';
  return `${formatOrigin(route.route.origin)} cannot serve this request: ${why}`;
}

function explainUpstream(refusal: Extract<Refusal, { type: 'upstream' }>): string {
  const { cluster, endpoints } = refusal.cluster;
  const detail = refusal.detail === undefined ? '' : `: ${quote(refusal.detail)}`;
  const shaped = cluster.destinationRule === undefined ? '' : `, shaped by ${formatOrigin(cluster.destinationRule)}`;
  const place = `${cluster.service.host} port ${cluster.port} (${formatOrigin(cluster.origin)}${shaped})`;
  switch (refusal.cause) {
    case 'no_healthy_upstream':
      return endpoints.length === 0
        ? `no endpoint behind ${place}${unreadyBehind(cluster)}${detail}`
        : `none of ${endpoints.length} endpoints behind ${place} is usable${detail}`;
    case 'overflow':
      // What waits too long in line says so itself.
      return detail === ''
        ? `http2MaxRequests ${cluster.connectionPool.http2MaxRequests ?? 'of the proxy'} reached for ${place}`
        : `a limit reached for ${place}${detail}`;
    default:
      return `${localAnswer(refusal.cause).details} from ${place}${detail}`;
  }
}

function unreadyBehind({ unready = [] }: Cluster): string {
  if (unready.length === 0) return '';
  return `; not ready by their probes: ${unready.slice(0, maxNamedWorkloads).join(', ')}${unready.length > maxNamedWorkloads ? ', …' : ''}`;
}

/** A log line names so many; `sallyport get` shows all. */
const maxNamedWorkloads = 5;

function explainRequest(cause: LocalCause, request: RequestFacts): string {
  const contentType = request.header('content-type');
  switch (cause) {
    case 'invalid_path':
      return `path ${quote(request.path)} is not of the form /package.Service/Method`;
    case 'method_not_post':
      return `method ${quote(request.method)} is not POST`;
    case 'not_grpc':
      return contentType === undefined
        ? 'no content-type, wanted application/grpc'
        : `content-type ${quote(contentType)} is not application/grpc`;
    case 'misdirected':
      return `host ${quote(request.authority)} is served by another listener than the connection's server name selected`;
    default:
      return localAnswer(cause).message;
  }
}
