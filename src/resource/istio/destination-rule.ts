import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, goDuration, present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { accepted, ignored, refused } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface DestinationRule extends ResourceObject {
  readonly spec: DestinationRuleSpec;
}

export interface DestinationRuleSpec {
  /** As written, lower case: an FQDN, a short name (of the rule's own namespace), or a wildcard `*.example.com`. */
  readonly host: Located<string>;
  readonly trafficPolicy?: TrafficPolicy;
  /** Not empty: calls to the host must fail rather than be carried without what these fields ask for. */
  readonly unsupported: readonly Unsupported[];
}

export interface TrafficPolicy {
  readonly origin: Origin;
  /** `LEAST_CONN`, `UNSPECIFIED` and what is not supported are read as `LEAST_REQUEST`, Istio's default. */
  readonly loadBalancer?: Located<'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM'>;
  readonly connectionPool?: ConnectionPoolSettings;
  /** `SIMPLE` and `MUTUAL` are also in the spec's `unsupported`. */
  readonly tls?: Located<'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL'>;
}

/** Absent: unlimited, or Istio's default. */
export interface ConnectionPoolSettings {
  readonly origin: Origin;
  readonly http2MaxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly connectTimeoutMs?: number;
}

/** Zero is how the wire says "not set"; a limit cannot be zero. */
const limit = z.int().min(0).max(2_147_483_647).optional();

const notServed = 'calls to this host fail';

const connectionPool = z.strictObject({
  tcp: z
    .strictObject({
      connectTimeout: goDuration.optional(),
      maxConnections: ignored('connections are not limited in number'),
      idleTimeout: ignored('idle connections are kept for the default time'),
      maxConnectionDuration: ignored('connections are not limited in age'),
      tcpKeepalive: ignored("the system's own keepalive is used"),
    })
    .optional(),
  http: z
    .strictObject({
      http2MaxRequests: limit,
      maxRequestsPerConnection: limit,
      http1MaxPendingRequests: ignored('requests wait for a connection without this limit'),
      maxRetries: ignored('requests are not retried'),
      idleTimeout: ignored('idle connections are kept for the default time'),
      h2UpgradePolicy: ignored('HTTP/2 is used always'),
      useClientProtocol: ignored('HTTP/2 is used always'),
      maxConcurrentStreams: ignored('the limit that the backend announces is used'),
      http2KeepAlive: ignored('the default keepalive is used'),
    })
    .optional(),
});

const tls = z.strictObject({
  mode: z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']).default('DISABLE'),
  clientCertificate: refused(notServed),
  privateKey: refused(notServed),
  caCertificates: refused(notServed),
  caCrl: refused(notServed),
  credentialName: refused(notServed),
  subjectAltNames: refused(notServed),
  sni: refused(notServed),
  insecureSkipVerify: refused(notServed),
});

const portSettings = z.strictObject({
  port: accepted(),
  loadBalancer: ignored('the settings of the whole host hold for this port'),
  connectionPool: ignored('the settings of the whole host hold for this port'),
  outlierDetection: ignored('the settings of the whole host hold for this port'),
  tls: refused(notServed),
});

const trafficPolicy = z.strictObject({
  loadBalancer: z
    .strictObject({
      simple: z.enum(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']).optional(),
      consistentHash: ignored('requests go to the least loaded endpoint'),
      localityLbSetting: ignored('endpoints are chosen without regard to their locality'),
      zoneAwareLbSetting: ignored('endpoints are chosen without regard to their zone'),
      warmup: ignored('new endpoints get their full share at once'),
      warmupDurationSecs: ignored('new endpoints get their full share at once'),
    })
    .optional(),
  connectionPool: connectionPool.optional(),
  outlierDetection: ignored('failing endpoints are not ejected'),
  tls: tls.optional(),
  portLevelSettings: z.array(portSettings).max(4096).optional(),
  tunnel: refused(notServed),
  proxyProtocol: refused(notServed),
  retryBudget: ignored('requests are not retried'),
});

const schema = objectOf({
  spec: z.strictObject({
    host: z.string().min(1),
    trafficPolicy: trafficPolicy.optional(),
    subsets: z.array(ignored('subsets are not distinguished')).optional(),
    exportTo: z.array(z.string()).optional(),
    workloadSelector: refused(notServed),
  }),
});

export const destinationRuleKind = defineKind<DestinationRule, typeof schema>({
  group: 'networking.istio.io',
  kind: 'DestinationRule',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkHost(spec.host, context);
    if (spec.exportTo !== undefined && spec.exportTo.some((one) => one !== '*')) {
      context.ignore(['spec', 'exportTo'], {
        message: 'exportTo is not yet supported: the rule holds for clients of every namespace',
        remedy: 'Take it away, or write "*".',
      });
    }
    const policy =
      spec.trafficPolicy === undefined
        ? undefined
        : decodePolicy(spec.trafficPolicy, ['spec', 'trafficPolicy'], context);
    return {
      spec: {
        host: { value: spec.host.toLowerCase(), origin: context.at(['spec', 'host']) },
        ...present({ trafficPolicy: policy }),
        unsupported: context.refusedBelow(['spec']),
      },
    };
  },
});

function checkHost(host: string, context: DecodeContext): void {
  if (/^(?:\*|(?:\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/i.test(host)) return;
  context.error(['spec', 'host'], {
    message: `"${host}" is not a host`,
    remedy: 'Write the name of a Service such as name.namespace.svc.cluster.local, without a port; "*" only in front.',
  });
}

function decodePolicy(value: z.output<typeof trafficPolicy>, path: Path, context: DecodeContext): TrafficPolicy {
  const { loadBalancer, tls: tlsValue } = value;
  const balancing = loadBalancer?.simple;
  if (balancing !== undefined && loadBalancer?.consistentHash !== undefined) {
    context.error([...path, 'loadBalancer', 'consistentHash'], {
      message: 'loadBalancer has both simple and consistentHash',
      remedy: 'Keep one of the two.',
    });
  }
  const simplePath = [...path, 'loadBalancer', 'simple'];
  if (balancing === 'PASSTHROUGH') {
    context.ignore(simplePath, {
      message: 'loadBalancer PASSTHROUGH is not yet supported: LEAST_REQUEST is used',
      remedy: 'Write LEAST_REQUEST, ROUND_ROBIN or RANDOM.',
    });
  }
  return {
    origin: context.at(path),
    ...(balancing === undefined
      ? {}
      : { loadBalancer: { value: supportedBalancer(balancing), origin: context.at(simplePath) } }),
    ...(value.connectionPool === undefined
      ? {}
      : { connectionPool: decodePool(value.connectionPool, [...path, 'connectionPool'], context) }),
    ...(tlsValue === undefined ? {} : { tls: decodeTls(tlsValue.mode, [...path, 'tls'], context) }),
  };
}

function supportedBalancer(simple: string): 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' {
  return simple === 'ROUND_ROBIN' || simple === 'RANDOM' ? simple : 'LEAST_REQUEST';
}

function decodePool(
  value: z.output<typeof connectionPool>,
  path: Path,
  context: DecodeContext,
): ConnectionPoolSettings {
  if (value.tcp === undefined && value.http === undefined) {
    context.error(path, { message: 'connectionPool is empty', remedy: 'Add tcp or http settings, or take it away.' });
  }
  const { http2MaxRequests = 0, maxRequestsPerConnection = 0 } = value.http ?? {};
  const timeout = value.tcp?.connectTimeout;
  const connectTimeoutMs = timeout === undefined ? undefined : durationMs(timeout);
  if (connectTimeoutMs !== undefined && connectTimeoutMs < 1) {
    context.error([...path, 'tcp', 'connectTimeout'], {
      message: `connectTimeout ${timeout} is shorter than a millisecond`,
      remedy: 'Write at least 1ms; without the field it is 10s.',
    });
  }
  return {
    origin: context.at(path),
    ...(http2MaxRequests === 0 ? {} : { http2MaxRequests }),
    ...(maxRequestsPerConnection === 0 ? {} : { maxRequestsPerConnection }),
    ...present({ connectTimeoutMs }),
  };
}

function decodeTls(
  mode: z.output<typeof tls>['mode'],
  path: Path,
  context: DecodeContext,
): NonNullable<TrafficPolicy['tls']> {
  if (mode === 'SIMPLE' || mode === 'MUTUAL') {
    context.refuse([...path, 'mode'], {
      message: `tls.mode ${mode} is not yet supported: ${notServed}`,
      remedy: 'Use ISTIO_MUTUAL for workloads of the mesh, or DISABLE for plaintext.',
    });
  }
  return { value: mode, origin: context.at([...path, 'mode']) };
}
