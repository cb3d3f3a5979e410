import type { PathMatch, Redirect } from '../plan/index.ts';
import type { RequestFacts } from './facts.ts';
import { endOfHost } from './host.ts';
import { compilePathRewrite, rewritePath, type CompiledPathRewrite } from './path-rewrite.ts';

/** A `Redirect` of the plan with the match it belongs to, ready to be applied. */
export interface CompiledRedirect {
  readonly redirect: Redirect;
  readonly path: CompiledPathRewrite | undefined;
}

/** Undefined when its path cannot be rewritten as written; see `compilePathRewrite`. */
export function compileRedirect(redirect: Redirect, match: PathMatch): CompiledRedirect | undefined {
  if (redirect.path === undefined) return { redirect, path: undefined };
  const path = compilePathRewrite(redirect.path, match);
  return path === undefined ? undefined : { redirect, path };
}

const wellKnownPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * The `location` of a redirect (Gateway API `HTTPRequestRedirectFilter`, VirtualService `redirect`): absolute, with the
 * request's query. A port is left out where it is the scheme's own.
 *
 * `listenerPort` is the listener's port of the YAML, wherever its socket is really bound.
 */
export function redirectLocation(
  { redirect, path }: CompiledRedirect,
  { request, listenerPort }: { readonly request: RequestFacts; readonly listenerPort: number },
): string {
  const scheme = redirect.scheme ?? request.scheme;
  const host = redirect.host ?? request.authority.slice(0, endOfHost(request.authority));
  const port = redirectPort(redirect, request, listenerPort);
  const authority = port === undefined || port === wellKnownPorts[scheme] ? host : `${host}:${port}`;
  const rest = path === undefined ? request.path : rewritePath(path, request.path);
  return `${scheme}://${authority}${rest}`;
}

/** Undefined: none is written. */
function redirectPort(redirect: Redirect, request: RequestFacts, listenerPort: number): number | undefined {
  if (redirect.port === undefined) return listenerPort;
  if (redirect.port === 'derive') return undefined;
  if (redirect.port !== 'request') return redirect.port;
  if (redirect.host !== undefined) return undefined;
  const written = request.authority.slice(endOfHost(request.authority) + 1);
  const port = written === '' ? undefined : Number(written);
  const isReplaced = redirect.scheme !== undefined && redirect.scheme !== request.scheme;
  return isReplaced && port === wellKnownPorts[request.scheme] ? undefined : port;
}
