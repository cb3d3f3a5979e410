/** What Istio takes a Service port to speak. */
export type PortProtocol = 'http2' | 'http' | 'other' | 'unknown';

interface NamedPort {
  readonly name: string;
  readonly appProtocol?: string;
  /** Of the Service. */
  readonly port?: number;
}

/** Names that Kubernetes gives, which only `appProtocol` can have. */
const kubernetesNames: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/h2c', 'http2'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'https'],
]);

const http2Names: ReadonlySet<string> = new Set(['grpc', 'http2', 'grpc-web']);
const tlsNames: ReadonlySet<string> = new Set(['https', 'tls']);
const otherNames: ReadonlySet<string> = new Set([...tlsNames, 'tcp', 'udp', 'mongo', 'mysql', 'redis']);

/** SMTP, DNS, MySQL and MongoDB: their servers may speak first, so that Istio never waits for a client's first bytes. */
const wellKnownTcpPorts: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** A port where clients begin with TLS of their own, so that a server name tells where they want to go. */
export function speaksTls(port: NamedPort): boolean {
  return tlsNames.has(declared(port));
}

export function portProtocol(port: NamedPort): PortProtocol {
  const name = declared(port);
  if (http2Names.has(name)) return 'http2';
  if (name === 'http') return 'http';
  if (otherNames.has(name)) return 'other';
  return port.port !== undefined && wellKnownTcpPorts.has(port.port) ? 'other' : 'unknown';
}

/**
 * `appProtocol` where there is one, else the port's name, up to the first `-`: `otlp-grpc` is therefore unknown, and so is
 * what has an `appProtocol` of somebody's own, whatever its name (pkg/config/kube/conversion.go).
 */
function declared({ name, appProtocol }: NamedPort): string {
  const known = kubernetesNames.get(appProtocol ?? '');
  if (known !== undefined) return known;
  const text = (appProtocol ?? name).toLowerCase();
  return text.startsWith('grpc-web') ? 'grpc-web' : (text.split('-', 1)[0] ?? '');
}
