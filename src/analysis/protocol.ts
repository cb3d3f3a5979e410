/** What Istio takes a Service port to speak. */
export type PortProtocol = 'http2' | 'http' | 'other' | 'unknown';

const http2Names: ReadonlySet<string> = new Set(['grpc', 'http2', 'grpc-web', 'kubernetes.io/h2c']);
const http1Names: ReadonlySet<string> = new Set(['http', 'kubernetes.io/ws']);
const otherNames: ReadonlySet<string> = new Set([
  'https',
  'kubernetes.io/wss',
  'tcp',
  'tls',
  'udp',
  'mongo',
  'mysql',
  'redis',
]);

const tlsNames: ReadonlySet<string> = new Set(['https', 'tls', 'kubernetes.io/wss']);

/** A port where clients begin with TLS of their own, so that a server name tells where they want to go. */
export function speaksTls({ name, appProtocol }: { readonly name: string; readonly appProtocol?: string }): boolean {
  const known = appProtocol?.toLowerCase();
  if (known !== undefined && classify(known) !== undefined) return tlsNames.has(known);
  return tlsNames.has(name.toLowerCase().split('-', 1)[0] ?? '');
}

/** `appProtocol`, else the port's name up to the first `-`; `otlp-grpc` is therefore unknown, as in Istio. */
export function portProtocol(port: { readonly name: string; readonly appProtocol?: string }): PortProtocol {
  const known = port.appProtocol === undefined ? undefined : classify(port.appProtocol.toLowerCase());
  if (known !== undefined) return known;
  const name = port.name.toLowerCase();
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'http2';
  return classify(name.split('-', 1)[0] ?? '') ?? 'unknown';
}

function classify(name: string): PortProtocol | undefined {
  if (http2Names.has(name)) return 'http2';
  if (http1Names.has(name)) return 'http';
  return otherNames.has(name) ? 'other' : undefined;
}
