import type { Fault, HeaderOperations, Mirror, NameValue, Route } from '../plan/index.ts';
import { isPlainAuthority } from './plain-path.ts';
import { compileRetry, type CompiledRetry } from './retry.ts';

/**
 * What a route does to its requests beside sending them on; an ordinary route has none, so that its requests pay for one
 * look at `undefined`.
 */
export interface CompiledActions {
  /** The route answers requests that are no gRPC calls too: a redirect, a direct response, or CORS preflights. */
  readonly answersPlain: boolean;
  /** Response heads may change: by the route, by one of its backends, or for CORS. */
  readonly changesResponse: boolean;
  readonly requestHeaders: HeaderOperations | undefined;
  readonly responseHeaders: HeaderOperations | undefined;
  /** New `:authority`. */
  readonly host: string | undefined;
  readonly retry: CompiledRetry | undefined;
  /** Nothing but a retry policy without a limit for each attempt, as most routes have: nothing is done before one fails. */
  readonly isRetryOnly: boolean;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[] | undefined;
}

/** Undefined for a route that only sends on. */
export function compileActions(route: Route): CompiledActions | undefined {
  const { action, requestHeaders, responseHeaders, rewrite, retry, fault, mirrors, cors } = route;
  const answersPlain = action.type === 'redirect' || action.type === 'direct' || cors !== undefined;
  const backends = action.type === 'forward' ? action.backends : [];
  const backendsDo = (what: 'requestHeaders' | 'responseHeaders'): boolean =>
    backends.some((one) => 'cluster' in one && one[what] !== undefined);
  const ofBackends = backendsDo('requestHeaders') || backendsDo('responseHeaders');
  const acts =
    answersPlain ||
    ofBackends ||
    [requestHeaders, responseHeaders, rewrite, fault, mirrors].some((one) => one !== undefined);
  if (!acts && retry === undefined) return undefined;
  return {
    answersPlain,
    changesResponse: responseHeaders !== undefined || cors !== undefined || backendsDo('responseHeaders'),
    requestHeaders,
    responseHeaders,
    host: rewrite?.host,
    retry: retry === undefined ? undefined : compileRetry(retry),
    isRetryOnly: !acts && retry?.perTryTimeoutMs === undefined,
    fault,
    mirrors: mirrors?.length === 0 ? undefined : mirrors,
  };
}

const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** As the HTTP/2 engine wants values: no control characters but tab, no space at an end. */
function isFieldValue(value: string): boolean {
  if (value !== value.trim()) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return false;
  }
  return true;
}

/**
 * Names that say how a message is sent on its connection, or whom it is for: no route may write them (the authority has a
 * rewrite of its own).
 */
export const protectedNames: ReadonlySet<string> = new Set([
  'host',
  'te',
  'content-length',
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Why the route's headers or its authority cannot be written as asked; a request must not be sent on without them. */
export function actionFault({ requestHeaders, responseHeaders, rewrite, action }: Route): string | undefined {
  if (rewrite?.host !== undefined && !isPlainAuthority(rewrite.host)) {
    return `${JSON.stringify(rewrite.host)} is no authority`;
  }
  const ofBackends = action.type === 'forward' ? action.backends.filter((one) => 'cluster' in one) : [];
  const ofRequests = written([requestHeaders, ...ofBackends.map((one) => one.requestHeaders)]);
  const ofResponses = written([responseHeaders, ...ofBackends.map((one) => one.responseHeaders)]);
  const isProtected = ({ name }: NameValue): boolean => protectedNames.has(name);
  const fixed = ofRequests.find(isProtected) ?? ofResponses.filter(({ name }) => name !== 'host').find(isProtected);
  if (fixed !== undefined) return `header ${fixed.name} belongs to the connection and cannot be set by a route`;
  for (const { name, value } of [...ofRequests, ...ofResponses]) {
    if (!fieldName.test(name)) return `${JSON.stringify(name)} is no name of a header`;
    if (!isFieldValue(value)) return `the value for header ${name} has characters that HTTP does not allow`;
  }
  return undefined;
}

function written(operations: readonly (HeaderOperations | undefined)[]): readonly NameValue[] {
  return operations.flatMap((one) => [...(one?.set ?? []), ...(one?.add ?? [])]);
}
