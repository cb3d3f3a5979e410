import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, portNumber } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { Located, ResourceObject, Unsupported } from '../object.ts';
import { accepted, ignored, refused } from '../schema.ts';

/** `networking.istio.io` Gateway; the Gateway API's kind of the same name is `Gateway`. */
export interface IstioGateway extends ResourceObject {
  readonly spec: {
    /** Labels of the gateway's pods, in any namespace; empty: every gateway. */
    readonly selector: Located<Readonly<Record<string, string>>>;
    readonly servers: readonly GatewayServer[];
    /** Annotation `networking.istio.io/service-account`: what a gateway without a workload in the YAML runs as. */
    readonly serviceAccount?: Located<string>;
  };
}

export interface GatewayServer {
  readonly origin: Origin;
  readonly port: { readonly number: number; readonly name: string };
  /** In upper case: `HTTP`, `HTTPS`, `HTTP2`, `GRPC`, `TLS`, or what is not supported. */
  readonly protocol: Located<string>;
  readonly hosts: readonly ServerHost[];
  readonly tls?: ServerTls;
  /** Not empty: the server may not be opened. */
  readonly unsupported: readonly Unsupported[];
}

export interface ServerHost {
  readonly origin: Origin;
  /** Whose VirtualServices may bind: a namespace, or `*` for any. */
  readonly namespace: string;
  /** Lower case; `*` for any. */
  readonly host: string;
}

export type ServerTlsMode =
  | 'PASSTHROUGH'
  | 'SIMPLE'
  | 'MUTUAL'
  | 'AUTO_PASSTHROUGH'
  | 'ISTIO_MUTUAL'
  | 'OPTIONAL_MUTUAL';

export interface ServerTls {
  readonly origin: Origin;
  readonly mode: ServerTlsMode;
  readonly httpsRedirect: boolean;
  /** Names of Secrets in the namespace of the gateway's workload. */
  readonly credentialNames: readonly Located<string>[];
  readonly caCredentialName?: Located<string>;
  /** Paths in the container of the gateway; not empty only where there is no credential. */
  readonly certificateFiles: readonly { readonly certificate: Located<string>; readonly privateKey: Located<string> }[];
  readonly caFile?: Located<string>;
  /** What a client's certificate must be beside valid; of no use without authorities. */
  readonly clientNames: readonly string[];
  /** Lower-case hexadecimal digits, no colons. */
  readonly clientHashes: readonly string[];
  readonly clientKeyHashes: readonly string[];
  /** `minProtocolVersion: TLSV1_3`. */
  readonly wantsTls13?: true;
}

const notOpened = 'the server is not opened';
const version = z.enum(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']);

const tls = z.strictObject({
  httpsRedirect: z.boolean().default(false),
  mode: z
    .enum(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'])
    .default('PASSTHROUGH'),
  credentialName: z.string().optional(),
  credentialNames: z.array(z.string()).min(1).max(2).optional(),
  caCertCredentialName: z.string().optional(),
  serverCertificate: z.string().optional(),
  privateKey: z.string().optional(),
  caCertificates: z.string().optional(),
  caCrl: refused(notOpened),
  tlsCertificates: z
    .array(
      z.strictObject({
        serverCertificate: z.string().default(''),
        privateKey: z.string().default(''),
        caCertificates: refused(notOpened),
      }),
    )
    .min(1)
    .max(2)
    .optional(),
  subjectAltNames: z.array(z.string()).default([]),
  verifyCertificateSpki: z.array(z.string()).default([]),
  verifyCertificateHash: z.array(z.string()).default([]),
  insecureSkipVerify: refused(notOpened),
  minProtocolVersion: version.default('TLS_AUTO'),
  maxProtocolVersion: version.default('TLS_AUTO'),
  cipherSuites: ignored('the default cipher suites are offered'),
});

const server = z.strictObject({
  port: z.strictObject({
    number: portNumber,
    name: z.string().min(1),
    protocol: z.string().min(1),
    targetPort: accepted(),
  }),
  name: accepted(),
  bind: ignored('listeners are bound on this machine only'),
  defaultEndpoint: accepted(),
  hosts: z.array(z.string()).min(1),
  tls: tls.optional(),
});

const schema = objectOf({
  spec: z.strictObject({ selector: labelMap.default({}), servers: z.array(server).min(1) }),
});

const serviceAccountAnnotation = 'networking.istio.io/service-account';

export const istioGatewayKind = defineKind<IstioGateway, typeof schema>({
  group: 'networking.istio.io',
  kind: 'Gateway',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  schema,
  decode: ({ spec, metadata }, context) => {
    const names = new Set<string>();
    for (const [index, { port }] of spec.servers.entries()) {
      if (names.has(port.name)) {
        context.error(['spec', 'servers', index, 'port', 'name'], {
          message: `two servers call their port "${port.name}"`,
          remedy: 'Give each port a name of its own.',
        });
      }
      names.add(port.name);
    }
    const account = metadata.annotations[serviceAccountAnnotation];
    return {
      spec: {
        selector: { value: spec.selector, origin: context.at(['spec', 'selector']) },
        servers: spec.servers.map((value, index) => decodeServer(value, ['spec', 'servers', index], context)),
        ...(account === undefined
          ? {}
          : {
              serviceAccount: {
                value: account,
                origin: context.at(['metadata', 'annotations', serviceAccountAnnotation]),
              },
            }),
      },
    };
  },
});

function decodeServer(value: z.output<typeof server>, path: Path, context: DecodeContext): GatewayServer {
  const { number, name } = value.port;
  const protocol = value.port.protocol.toUpperCase();
  checkTls({ protocol, tls: value.tls }, path, context);
  return {
    origin: context.at(path),
    port: { number, name },
    protocol: { value: protocol, origin: context.at([...path, 'port', 'protocol']) },
    hosts: value.hosts.map((host, index) => decodeHost(host, [...path, 'hosts', index], context)),
    ...(value.tls === undefined ? {} : { tls: decodeTls(value.tls, [...path, 'tls'], context) }),
    unsupported: context.refusedBelow(path),
  };
}

const plainProtocols: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY']);
const tlsProtocols: ReadonlySet<string> = new Set(['HTTPS', 'TLS']);

function checkTls(
  { protocol, tls: options }: { readonly protocol: string; readonly tls: z.output<typeof server>['tls'] },
  path: Path,
  context: DecodeContext,
): void {
  if (tlsProtocols.has(protocol)) {
    if (options === undefined) {
      context.error(path, {
        message: `a server of protocol ${protocol} needs tls`,
        remedy: 'Add tls with mode: SIMPLE and credentialName.',
      });
    }
    return;
  }
  const hasCertificate =
    options?.credentialName !== undefined ||
    options?.credentialNames !== undefined ||
    options?.serverCertificate !== undefined;
  if (options === undefined || (options.mode === 'PASSTHROUGH' && !hasCertificate && plainProtocols.has(protocol))) {
    return;
  }
  context.error([...path, 'tls'], {
    message: `a server of protocol ${protocol} cannot have TLS settings`,
    remedy: plainProtocols.has(protocol)
      ? 'Write protocol: HTTPS, or keep httpsRedirect alone.'
      : 'Write protocol: TLS, or take tls away.',
  });
}

function decodeHost(text: string, path: Path, context: DecodeContext): ServerHost {
  const slash = text.indexOf('/');
  const namespace = slash === -1 ? '*' : text.slice(0, slash);
  const host = text.slice(slash + 1).toLowerCase();
  const isHost = /^(?:\*|(?:\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*)$/.test(host);
  if (!isHost || !/^(?:\*|\.|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/.test(namespace)) {
    context.error(path, {
      message: `"${text}" is not a host`,
      remedy: 'Write a DNS name, *.example.com or *, with namespace/, ./ or */ in front if you like; no port.',
    });
  }
  return { origin: context.at(path), namespace: namespace === '.' ? context.document.namespace : namespace, host };
}

function decodeTls(value: z.output<typeof tls>, path: Path, context: DecodeContext): ServerTls {
  checkCertificates(value, path, context);
  checkFiles(value, path, context);
  checkClients(value, path, context);
  checkVersions(value, path, context);
  const named = value.credentialName === undefined ? value.credentialNames : [value.credentialName];
  const field = value.credentialName === undefined ? 'credentialNames' : 'credentialName';
  const ca = value.caCertCredentialName;
  return {
    origin: context.at(path),
    mode: value.mode,
    httpsRedirect: value.httpsRedirect,
    credentialNames: (named ?? []).map((name) => ({ value: name, origin: context.at([...path, field]) })),
    ...(ca === undefined
      ? {}
      : { caCredentialName: { value: ca, origin: context.at([...path, 'caCertCredentialName']) } }),
    certificateFiles: certificateFiles(value, path, context),
    clientNames: value.subjectAltNames,
    clientHashes: value.verifyCertificateHash.map((hash) => hash.replaceAll(':', '').toLowerCase()),
    clientKeyHashes: value.verifyCertificateSpki,
    ...(isEmpty(value.caCertificates)
      ? {}
      : { caFile: { value: value.caCertificates, origin: context.at([...path, 'caCertificates']) } }),
    ...(value.minProtocolVersion === 'TLSV1_3' ? { wantsTls13: true } : {}),
  };
}

function isEmpty(text: string | undefined): text is undefined | '' {
  return text === undefined || text === '';
}

function certificateFiles(
  value: z.output<typeof tls>,
  path: Path,
  context: DecodeContext,
): ServerTls['certificateFiles'] {
  const pairs = [
    { at: path, serverCertificate: value.serverCertificate, privateKey: value.privateKey },
    ...(value.tlsCertificates ?? []).map((pair, index) => ({ at: [...path, 'tlsCertificates', index], ...pair })),
  ];
  return pairs.flatMap(({ at, serverCertificate, privateKey }) =>
    isEmpty(serverCertificate) || isEmpty(privateKey)
      ? []
      : [
          {
            certificate: { value: serverCertificate, origin: context.at([...at, 'serverCertificate']) },
            privateKey: { value: privateKey, origin: context.at([...at, 'privateKey']) },
          },
        ],
  );
}

/** They say whom a server takes, so that one which does not ask for certificates must not be opened as if they were not there. */
function checkClients(value: z.output<typeof tls>, path: Path, context: DecodeContext): void {
  if (value.mode === 'MUTUAL' || value.mode === 'OPTIONAL_MUTUAL') return;
  for (const field of ['subjectAltNames', 'verifyCertificateSpki', 'verifyCertificateHash'] as const) {
    if (value[field].length === 0) continue;
    context.refuse([...path, field], {
      message: `${field} is not looked at in mode ${value.mode}: the server is not opened`,
      remedy: 'Use mode MUTUAL or OPTIONAL_MUTUAL, or an AuthorizationPolicy.',
    });
  }
}

/** As Istio's validation: each certificate has its key, and MUTUAL has authorities (ValidateTLSOptions). */
function checkFiles(value: z.output<typeof tls>, path: Path, context: DecodeContext): void {
  const pairs = [
    { at: path, ...value },
    ...(value.tlsCertificates ?? []).map((pair, index) => ({ at: [...path, 'tlsCertificates', index], ...pair })),
  ];
  for (const [index, { at, serverCertificate, privateKey }] of pairs.entries()) {
    const isWritten = index > 0 || !isEmpty(serverCertificate) || !isEmpty(privateKey);
    if (!isWritten || (!isEmpty(serverCertificate) && !isEmpty(privateKey))) continue;
    context.error(at, {
      message: `${isEmpty(privateKey) ? 'serverCertificate' : 'privateKey'} stands without ${isEmpty(privateKey) ? 'privateKey' : 'serverCertificate'}`,
      remedy: 'Write both, or credentialName in their place.',
    });
  }
  const named = value.credentialName ?? value.credentialNames ?? value.caCertCredentialName;
  const needsAuthorities = value.mode === 'MUTUAL' || value.mode === 'OPTIONAL_MUTUAL';
  if (!needsAuthorities || named !== undefined || !isEmpty(value.caCertificates)) return;
  context.error(path, {
    message: `mode ${value.mode} needs caCertificates, to judge the certificates of clients by`,
    remedy: 'Add them, or use credentialName with a Secret that has ca.crt.',
  });
}

function checkCertificates(value: z.output<typeof tls>, path: Path, context: DecodeContext): void {
  const sources = ['credentialName', 'credentialNames', 'serverCertificate', 'tlsCertificates'].filter(
    (field) => Reflect.get(value, field) !== undefined,
  );
  const needsOne = value.mode === 'SIMPLE' || value.mode === 'MUTUAL' || value.mode === 'OPTIONAL_MUTUAL';
  if (sources.length > 1) {
    context.error(path, { message: `${sources.join(' and ')} exclude each other`, remedy: 'Keep one of them.' });
  } else if (needsOne && sources.length === 0) {
    context.error(path, {
      message: `mode ${value.mode} needs a certificate`,
      remedy: "Set credentialName to the name of a Secret of the gateway's namespace.",
    });
  } else if (value.mode === 'ISTIO_MUTUAL' && sources.length > 0) {
    context.error([...path, sources[0] ?? ''], {
      message: 'mode ISTIO_MUTUAL presents the certificate of the mesh',
      remedy: `Take ${sources[0]} away.`,
    });
  }
}

/** TLS 1.2 and 1.3 are spoken, as in Istio where nothing is said. */
function checkVersions(value: z.output<typeof tls>, path: Path, context: DecodeContext): void {
  for (const field of ['minProtocolVersion', 'maxProtocolVersion'] as const) {
    const wanted = value[field];
    const isOld = wanted === 'TLSV1_0' || wanted === 'TLSV1_1';
    if (!isOld && !(field === 'maxProtocolVersion' && wanted === 'TLSV1_2')) continue;
    context.ignore([...path, field], {
      message: `${field} ${wanted} has no effect: TLS ${value.minProtocolVersion === 'TLSV1_3' ? '1.3 is' : '1.2 and 1.3 are'} spoken`,
      remedy: 'Take it away here, or keep it for the cluster and do not rely on it locally.',
    });
  }
}
