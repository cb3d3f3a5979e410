/** What expressions of a Telemetry read of a request or connection, by the names of Envoy's attributes. */
import type { CallAttribute } from '../plan/index.ts';
import { pathWithoutQuery } from './path.ts';

/** A record of the access log has it all. Empty texts and what is below 0 are absent. */
export interface CallFacts {
  /** 0: none. */
  readonly responseCode: number;
  readonly grpcStatus: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly details: string;
  readonly isTcp: boolean;
  readonly sni: string;
  /** The verified SPIFFE id of whoever connected. */
  readonly peerPrincipal: string;
  readonly isMutual: boolean;
  /** `address:port`. */
  readonly sourceAddress: string;
  readonly localAddress: string;
  /** The port of the YAML, 0 if none. */
  readonly destinationPort: number;
  readonly upstreamAddress: string;
  readonly upstreamCluster: string;
  /** The request's header fields, while there are any. */
  readonly head: CallHead | undefined;
}

export interface CallHead {
  readonly scheme: string;
  header(name: string): string | undefined;
}

/** Undefined: absent, which makes an error of whatever reads it. */
export type AttributeReader = (facts: CallFacts) => number | string | undefined;

type PlainAttribute = Exclude<CallAttribute, `request.headers.${string}`>;

const readers: Readonly<Record<PlainAttribute, AttributeReader>> = {
  'request.method': ({ method }) => present(method),
  'request.host': ({ authority }) => present(authority),
  'request.path': ({ path }) => present(path),
  'request.url_path': ({ path }) => present(pathWithoutQuery(path)),
  'request.useragent': ({ userAgent }) => present(userAgent),
  'request.scheme': ({ head }) => present(head?.scheme),
  'request.id': ({ requestId }) => present(requestId),
  'request.referer': ({ head }) => head?.header('referer'),
  'request.protocol': ({ isTcp }) => (isTcp ? undefined : 'HTTP/2'),
  'response.code': ({ responseCode }) => (responseCode === 0 ? undefined : responseCode),
  'response.grpc_status': ({ grpcStatus }) => (grpcStatus < 0 ? undefined : grpcStatus),
  'response.code_details': ({ details }) => present(details),
  'connection.requested_server_name': ({ sni }) => present(sni),
  'connection.uri_san_peer_certificate': ({ peerPrincipal }) => present(peerPrincipal),
  'connection.mtls': ({ isMutual }) => String(isMutual),
  'source.address': ({ sourceAddress }) => present(sourceAddress),
  'source.port': ({ sourceAddress }) => portOf(sourceAddress),
  'destination.address': ({ localAddress }) => present(localAddress),
  'destination.port': ({ destinationPort }) => (destinationPort === 0 ? undefined : destinationPort),
  'upstream.address': ({ upstreamAddress }) => present(upstreamAddress),
  'upstream.port': ({ upstreamAddress }) => portOf(upstreamAddress),
  'xds.cluster_name': ({ upstreamCluster }) => present(upstreamCluster),
};

const headers = 'request.headers.';

export function attributeReader(attribute: CallAttribute): AttributeReader {
  if (isPlain(attribute)) return readers[attribute];
  const name = attribute.slice(headers.length);
  return ({ head }) => head?.header(name);
}

function isPlain(attribute: CallAttribute): attribute is PlainAttribute {
  return Object.hasOwn(readers, attribute);
}

function present(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function portOf(address: string): number | undefined {
  return address === '' ? undefined : Number(address.slice(address.lastIndexOf(':') + 1));
}
