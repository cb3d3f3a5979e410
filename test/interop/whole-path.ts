/** Real processes: one gateway, a sidecar for each server, and a plaintext and a TLS listener that lead to it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { SallyportProcess } from '../kit/sallyport-process.ts';
import { serverName, type Target } from './clients/client.ts';

const root = dirname(dirname(import.meta.dirname));

export type Transport = 'plaintext' | 'tls';

export interface WholePath {
  readonly mesh: SallyportProcess;
  /** Where a client reaches the server of this name. */
  target(server: string, transport: Transport): Target;
  close(): Promise<void>;
}

/** `servers`: name → port on 127.0.0.1 of a plaintext gRPC server. */
export async function startWholePath(servers: Readonly<Record<string, number>>): Promise<WholePath> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-path-'));
  const names = Object.keys(servers);
  const secret = execFileSync(process.execPath, [
    join(root, 'bin', 'sallyport.js'),
    ...['certs', 'self-signed', '--secret', 'gateway/interop-tls', '--host', serverName],
  ]).toString();
  const caPem = certificateOf(secret);
  writeFileSync(join(directory, 'secret.yaml'), secret, { mode: 0o600 });
  writeFileSync(join(directory, 'mesh.yaml'), [gateway(names), ...names.map(workload)].join('---\n'));
  const workloads = names.flatMap((name) => ['--workload', `default/${name}=127.0.0.1:${servers[name]}`]);
  const mesh = new SallyportProcess(['run', '-f', directory, '--access-log', 'off', ...workloads]);
  await mesh.ready();
  return {
    mesh,
    target: (server, transport) => {
      const address = mesh.listener('gateway/interop', `${transport}-${server}`);
      const port = Number(address.slice(address.lastIndexOf(':') + 1));
      return transport === 'tls' ? { port, caPem } : { port };
    },
    close: async () => {
      await mesh.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The certificate is its own authority. */
function certificateOf(secret: string): string {
  const { data, stringData } = parse(secret) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  const pem = stringData?.['tls.crt'] ?? Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString();
  if (!pem.startsWith('-----BEGIN CERTIFICATE')) throw new Error('no certificate in the Secret');
  return pem;
}

function gateway(names: readonly string[]): string {
  const listeners = names.map(
    (name, index) => `
    - name: plaintext-${name}
      protocol: HTTP
      port: ${8001 + index}
      allowedRoutes: { namespaces: { from: All } }
    - name: tls-${name}
      protocol: HTTPS
      port: ${8401 + index}
      tls: { mode: Terminate, certificateRefs: [{ name: interop-tls }] }
      allowedRoutes: { namespaces: { from: All } }`,
  );
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio }
spec: { controllerName: istio.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: interop
  namespace: gateway
  annotations: { networking.istio.io/service-account: interop-gateway }
spec:
  gatewayClassName: istio
  listeners: ${listeners.join('')}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: interop-gateway, namespace: gateway }
---
apiVersion: v1
kind: Namespace
metadata: { name: default }
---
apiVersion: v1
kind: Namespace
metadata: { name: gateway }
`;
}

function workload(name: string): string {
  return `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: default }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers: [{ name: server, image: interop, ports: [{ name: grpc, containerPort: 50051 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  selector: { app: ${name} }
  ports: [{ name: grpc, port: 50051, appProtocol: grpc }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: default }
spec:
  parentRefs:
    - { name: interop, namespace: gateway, sectionName: plaintext-${name} }
    - { name: interop, namespace: gateway, sectionName: tls-${name} }
  rules:
    - backendRefs: [{ name: ${name}, port: 50051 }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: default }
spec:
  selector: { matchLabels: { app: ${name} } }
  action: ALLOW
  rules:
    - from: [{ source: { principals: [cluster.local/ns/gateway/sa/interop-gateway] } }]
`;
}
