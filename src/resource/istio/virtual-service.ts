import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { checkExportTo } from './export-to.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import { istioDuration, istioDurationMs } from './duration.ts';
import { decodeRouteHeaders, routeHeaders, type RouteHeaders } from './route-headers.ts';
import {
  cors,
  decodeCors,
  decodeDirectResponse,
  decodeRedirect,
  decodeRewrite,
  directResponse,
  redirect,
  rewrite,
  type VirtualCors,
  type VirtualDirectResponse,
  type VirtualRedirect,
  type VirtualRewrite,
} from './virtual-service-actions.ts';
import { decodeTcpRoute, decodeTlsRoute, tcpRoute, tlsRoute, type VirtualByteRoute } from './virtual-service-bytes.ts';
import { checkRouteParts, checkVirtualHosts } from './virtual-service-rules.ts';
import { decodeVirtualMatch, gatewayName, virtualMatch, type VirtualMatch } from './virtual-service-match.ts';
import {
  decodeDestination,
  decodeFault,
  decodeRetries,
  decodeRouteDestinations,
  destination,
  fault,
  percentage,
  percentOf,
  retries,
  routeDestination,
  type VirtualDestination,
  type VirtualFault,
  type VirtualRetries,
  type VirtualRouteDestination,
} from './virtual-service-traffic.ts';

export interface VirtualService extends ResourceObject {
  readonly spec: VirtualServiceSpec;
}

export interface VirtualServiceSpec {
  /** As written, lower case: FQDNs, short names of the own namespace, wildcards. Empty: a delegate. */
  readonly hosts: readonly Located<string>[];
  /** `mesh` or `namespace/name`; only `mesh` where none is written. Empty for a delegate. */
  readonly gateways: readonly Located<string>[];
  /** Namespaces whose proxies see it; empty: all. */
  readonly exportTo: readonly string[];
  readonly http: readonly VirtualHttpRoute[];
  /** By server name, for TLS that is passed through. */
  readonly tls: readonly VirtualByteRoute[];
  /** For everything else that is no HTTP, TLS that ended here included. */
  readonly tcp: readonly VirtualByteRoute[];
}

export interface VirtualHttpRoute {
  readonly origin: Origin;
  readonly name?: string;
  /** Empty: everything. */
  readonly matches: readonly VirtualMatch[];
  readonly destinations: readonly VirtualRouteDestination[];
  readonly redirect?: VirtualRedirect;
  readonly directResponse?: VirtualDirectResponse;
  readonly delegate?: { readonly origin: Origin; readonly namespace: string; readonly name: string };
  readonly rewrite?: VirtualRewrite;
  readonly timeoutMs?: number;
  readonly retries?: VirtualRetries;
  readonly fault?: VirtualFault;
  /** Absent: none written, so that a delegate inherits those of its root. Without those of 0 %. */
  readonly mirrors?: readonly VirtualMirror[];
  readonly cors?: VirtualCors;
  readonly headers?: RouteHeaders;
  /** Not empty: the route's matches hold, but its requests must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

export interface VirtualMirror {
  readonly origin: Origin;
  readonly destination: VirtualDestination;
  readonly percent: number;
}

const httpRoute = z.strictObject({
  name: z.string().optional(),
  match: z.array(virtualMatch).default([]),
  route: z.array(routeDestination).optional(),
  redirect: redirect.optional(),
  directResponse: directResponse.optional(),
  delegate: z.strictObject({ name: z.string().default(''), namespace: z.string().default('') }).optional(),
  rewrite: rewrite.optional(),
  timeout: istioDuration.optional(),
  retries: retries.optional(),
  fault: fault.optional(),
  mirror: destination.optional(),
  mirrors: z.array(z.strictObject({ destination, percentage: percentage.optional() })).optional(),
  mirrorPercent: z.int().min(0).max(4_294_967_295).optional(),
  mirror_percent: z.int().min(0).max(4_294_967_295).optional(),
  mirrorPercentage: percentage.optional(),
  corsPolicy: cors.optional(),
  headers: routeHeaders.optional(),
});

const schema = objectOf({
  spec: z
    .strictObject({
      hosts: z.array(z.string()).default([]),
      gateways: z.array(z.string()).default([]),
      exportTo: z.array(z.string()).default([]),
      http: z.array(httpRoute).default([]),
      tls: z.array(tlsRoute).default([]),
      tcp: z.array(tcpRoute).default([]),
    })
    .prefault({}),
});

export const virtualServiceKind = defineKind<VirtualService, typeof schema>({
  group: 'networking.istio.io',
  kind: 'VirtualService',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkVirtualHosts(spec, context);
    checkExportTo({ values: spec.exportTo }, context);
    const isDelegate = spec.hosts.length === 0;
    const written = spec.gateways.map((name, index) => {
      const path = ['spec', 'gateways', index];
      return { value: gatewayName(name, path, context), origin: context.at(path) };
    });
    const mesh = isDelegate ? [] : [{ value: 'mesh', origin: context.at(['spec']) }];
    return {
      spec: {
        hosts: spec.hosts.map((host, index) => ({
          value: host.toLowerCase(),
          origin: context.at(['spec', 'hosts', index]),
        })),
        gateways: written.length === 0 ? mesh : written,
        exportTo: decodeExportTo(spec.exportTo, context),
        http: spec.http.map((route, index) => {
          const path = ['spec', 'http', index];
          checkRouteParts(route, { path, isDelegate }, context);
          return decodeHttpRoute(route, path, context);
        }),
        tls: spec.tls.map((route, index) =>
          decodeTlsRoute(route, { path: ['spec', 'tls', index], hosts: spec.hosts }, context),
        ),
        tcp: spec.tcp.map((route, index) => decodeTcpRoute(route, { path: ['spec', 'tcp', index] }, context)),
      },
    };
  },
});

function decodeExportTo(values: readonly string[], context: DecodeContext): readonly string[] {
  if (values.includes('*')) return [];
  return values.map((value) => (value === '.' ? context.document.namespace : value));
}

function decodeHttpRoute(value: z.output<typeof httpRoute>, path: Path, context: DecodeContext): VirtualHttpRoute {
  const mirrors = decodeMirrors(value, path, context);
  const at = (field: string): Path => [...path, field];
  const { delegate } = value;
  return {
    origin: context.at(path),
    ...present({ name: value.name }),
    matches: value.match.map((match, index) => decodeVirtualMatch(match, [...path, 'match', index], context)),
    destinations: decodeRouteDestinations(value.route ?? [], at('route'), context),
    ...present({
      redirect: value.redirect && decodeRedirect(value.redirect, at('redirect'), context),
      directResponse: value.directResponse && decodeDirectResponse(value.directResponse, at('directResponse'), context),
      delegate: delegate && {
        origin: context.at(at('delegate')),
        namespace: delegate.namespace === '' ? context.document.namespace : delegate.namespace,
        name: delegate.name,
      },
      rewrite: value.rewrite && decodeRewrite(value.rewrite, at('rewrite'), context),
      timeoutMs: value.timeout === undefined ? undefined : istioDurationMs(value.timeout, at('timeout'), context),
      retries: value.retries && decodeRetries(value.retries, at('retries'), context),
      fault: value.fault && decodeFault(value.fault, at('fault'), context),
      mirrors,
      cors: value.corsPolicy && decodeCors(value.corsPolicy, at('corsPolicy'), context),
      headers: value.headers && decodeRouteHeaders(value.headers, at('headers'), context),
    }),
    unsupported: context.refusedBelow(path, ['match']),
  };
}

/** `mirror` with its three spellings of a percentage, or `mirrors`; an absent percentage is 100. */
function decodeMirrors(
  value: z.output<typeof httpRoute>,
  path: Path,
  context: DecodeContext,
): readonly VirtualMirror[] | undefined {
  if (value.mirror === undefined && value.mirrors === undefined) return undefined;
  const legacy = value.mirrorPercent ?? value.mirror_percent;
  const share = value.mirrorPercentage ?? (legacy === undefined ? undefined : { value: legacy });
  const single = value.mirror === undefined ? [] : [{ destination: value.mirror, percentage: share, path: ['mirror'] }];
  const several = (value.mirrors ?? []).map((mirror, index) => ({ ...mirror, path: ['mirrors', index] }));
  return [...single, ...several]
    .map((mirror) => {
      const place = [...path, ...mirror.path];
      const target = mirror.path[0] === 'mirror' ? place : [...place, 'destination'];
      return {
        origin: context.at(place),
        destination: decodeDestination(mirror.destination, target, context),
        percent: mirror.percentage === undefined ? 100 : percentOf(mirror.percentage, place, context),
      };
    })
    .filter(({ percent }) => percent > 0);
}
