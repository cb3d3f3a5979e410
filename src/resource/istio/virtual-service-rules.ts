import { isIP } from '../address.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { isAuthority } from './route-headers.ts';

/** What Istio's validation asks of a VirtualService beyond its schema (pkg/config/validation, istio.md 4.1 and 4.2). */

const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*)$/;

interface SpecFields {
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
  readonly http: readonly unknown[];
  readonly tls: readonly unknown[];
  readonly tcp: readonly unknown[];
}

export function checkVirtualHosts(spec: SpecFields, context: DecodeContext): void {
  if (spec.hosts.length === 0) checkDelegate(spec, context);
  const isMesh = spec.gateways.length === 0 || spec.gateways.includes('mesh');
  const seen: string[] = [];
  for (const [index, host] of spec.hosts.entries()) {
    const path = ['spec', 'hosts', index];
    const name = host.toLowerCase();
    if (!hostPattern.test(name) && !isIP(name)) {
      context.error(path, {
        message: `"${host}" is not a host`,
        remedy: 'Write a DNS name, *.example.com, or *; no port, no path; "*" only as the whole first label.',
      });
    } else if (host === '*' && isMesh) {
      context.error(path, {
        message: 'the host "*" cannot be bound to the mesh',
        remedy: 'Name the Gateway in gateways, or write the hosts.',
      });
    } else {
      const other = seen.find((one) => overlap(one, name));
      if (other !== undefined) {
        context.error(path, {
          message: other === name ? `host "${host}" is written twice` : `host "${host}" overlaps with "${other}"`,
          remedy: 'Keep one of the two.',
        });
      }
    }
    seen.push(name);
  }
  if (spec.http.length + spec.tls.length + spec.tcp.length > 0) return;
  context.error(['spec'], {
    message: 'the VirtualService has no routes',
    remedy: 'Add http, tls or tcp routes.',
  });
}

/** Neither as a wildcard, nor as a name below the other's: some name is both. */
function overlap(a: string, b: string): boolean {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  return shorter === longer || (shorter.startsWith('*') && longer.endsWith(shorter.slice(1)));
}

function checkDelegate(spec: SpecFields, context: DecodeContext): void {
  if (spec.gateways.length > 0) {
    context.error(['spec', 'gateways'], {
      message: 'a VirtualService without hosts is a delegate, which has no gateways',
      remedy: 'Add hosts, or take the gateways away: they are those of the VirtualService that delegates.',
    });
  }
  if (spec.tls.length + spec.tcp.length > 0) {
    context.error(['spec'], {
      message: 'a VirtualService without hosts is a delegate, which has HTTP routes only',
      remedy: 'Add hosts, or take tls and tcp away.',
    });
  }
}

interface RouteFields {
  readonly match: readonly { readonly [field: string]: unknown }[];
  readonly route?: readonly unknown[] | undefined;
  readonly redirect?: unknown;
  readonly directResponse?: unknown;
  readonly delegate?: { readonly name: string } | undefined;
  readonly rewrite?: { readonly authority?: string | undefined } | undefined;
  readonly fault?: unknown;
  readonly mirror?: unknown;
  readonly mirrors?: readonly unknown[] | undefined;
  readonly headers?:
    | {
        readonly request: {
          readonly set: Readonly<Record<string, string>>;
          readonly add: Readonly<Record<string, string>>;
        };
      }
    | undefined;
}

interface RoutePlace {
  readonly path: Path;
  readonly isDelegate: boolean;
}

export function checkRouteParts(route: RouteFields, { path, isDelegate }: RoutePlace, context: DecodeContext): void {
  const answers = (['redirect', 'directResponse'] as const).filter((field) => route[field] !== undefined);
  if (route.delegate !== undefined) {
    checkRoot(route, { path, isDelegate }, context);
    return;
  }
  const hasRoute = (route.route?.length ?? 0) > 0;
  const [answer] = answers;
  if (answer === undefined && !hasRoute) {
    context.error(path, {
      message: 'the route leads nowhere',
      remedy: 'Add route, redirect, directResponse or delegate.',
    });
  }
  if (answer !== undefined) {
    const written = (fields: readonly string[]): readonly string[] =>
      fields.filter((field) => field !== answer && Reflect.get(route, field) !== undefined);
    for (const other of written(['mirror', 'mirrors', 'retries', 'timeout'])) {
      context.warn([...path, other], {
        message: `${other} has no effect beside ${answer}`,
        remedy: `Take ${other} away: the request is answered here.`,
      });
    }
    for (const other of written(['directResponse', 'route', 'fault', 'rewrite'])) {
      context.error([...path, other], {
        message: `${answer} and ${other} exclude each other`,
        remedy: `Take ${other} away: the request is answered here.`,
      });
    }
  }
  if (route.mirror !== undefined && route.mirrors !== undefined) {
    context.error([...path, 'mirror'], {
      message: 'mirror and mirrors exclude each other',
      remedy: 'Write all of them under mirrors.',
    });
  }
  checkAuthority(route, path, context);
}

function checkRoot(route: RouteFields, { path, isDelegate }: RoutePlace, context: DecodeContext): void {
  if (route.delegate?.name === '') {
    context.error([...path, 'delegate'], {
      message: 'the delegate has no name',
      remedy: 'Write the name of a VirtualService without hosts.',
    });
  }
  if (isDelegate) {
    context.error([...path, 'delegate'], {
      message: 'a delegate cannot delegate further',
      remedy: 'Write the routes here.',
    });
  }
  for (const field of ['route', 'redirect'] as const) {
    if (route[field] === undefined) continue;
    context.error([...path, field], {
      message: `delegate and ${field} exclude each other`,
      remedy: `Write ${field} in the VirtualService that is delegated to.`,
    });
  }
}

function checkAuthority(route: RouteFields, path: Path, context: DecodeContext): void {
  const { set = {}, add = {} } = route.headers?.request ?? {};
  const named = [...Object.keys(set), ...Object.keys(add)].some(isAuthority);
  if (!named || (route.rewrite?.authority ?? '') === '') return;
  context.error([...path, 'rewrite'], {
    message: 'the authority is set by rewrite and by headers',
    remedy: 'Keep one of them.',
  });
}
