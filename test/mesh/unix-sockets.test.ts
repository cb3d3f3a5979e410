/** Apps on Unix sockets: endpoints of ServiceEntries, WorkloadEntries, and what a Sidecar says is behind a port. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readAll } from '../kit/byte-server.ts';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';

function manifests(folder: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: app, labels: { app: app } }
spec: { containers: [{ name: c, ports: [{ containerPort: 8080 }, { containerPort: 7000 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { selector: { app: app }, ports: [{ name: tcp, port: 7000 }] }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  workloadSelector: { labels: { app: app } }
  ingress: [{ port: { number: 7000, protocol: TCP, name: tcp }, defaultEndpoint: "unix://${folder}/bytes" }]
  egress: [{ hosts: ["*/*"] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: written }
spec:
  hosts: [written.example.com]
  resolution: STATIC
  ports: [{ name: grpc, number: 80, protocol: GRPC }]
  endpoints: [{ address: "unix://${folder}/http" }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: selected }
spec:
  hosts: [selected.example.com]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ name: grpc, number: 80, protocol: GRPC }]
  workloadSelector: { labels: { app: machine } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: machine, annotations: { sidecar.istio.io/inject: "false" } }
spec: { address: "unix://${folder}/http", labels: { app: machine } }
`;
}

describe('apps on Unix sockets', () => {
  const open: { close(): unknown }[] = [];
  let folder: string;
  let mesh: CompiledMesh;

  async function listenAt(server: Server, path: string): Promise<void> {
    open.push(server);
    await once(server.listen(path), 'listening');
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sockets-'));
    const http = createHttp2Server((request, response) => {
      response.writeHead(200, { 'content-type': 'application/grpc', 'x-path': request.url, 'grpc-status': '0' });
      response.end();
    });
    await listenAt(http, join(folder, 'http'));
    await listenAt(
      createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)),
      join(folder, 'bytes'),
    );
    mesh = await startCompiledMesh({
      manifests: manifests(folder),
      apps: { 'default/app': { host: '127.0.0.1', port: 1 } },
      started: ['default/app'],
    });
  });

  after(async () => {
    await mesh.close();
    for (const one of open) one.close();
    await rm(folder, { recursive: true });
  });

  test('calls reach endpoints of ServiceEntries, written or selected', async () => {
    const { host, port } = mesh.addressOf('sidecar/default/app/outbound');
    const session = connectHttp2(`http://${host}:${port}`);
    open.push(session);
    for (const authority of ['written.example.com', 'selected.example.com']) {
      const stream = session.request({
        ...{ ':method': 'POST', ':path': '/a.B/C', ':authority': authority },
        ...{ 'content-type': 'application/grpc', te: 'trailers' },
      });
      stream.end();
      stream.resume();
      const [head] = (await once(stream, 'response')) as [Record<string, string>];
      assert.deepEqual([head['grpc-status'], head['x-path']], ['0', '/a.B/C'], authority);
    }
  });

  test('bytes reach the socket that a Sidecar names', async () => {
    const socket: Socket = connect({
      ...mesh.addressOf('sidecar/default/app/outbound/app/7000'),
      allowHalfOpen: true,
    });
    socket.end('hello');
    assert.equal((await readAll(socket)).toString(), 'hello');
    const sidecar = mesh.proxy('sidecar/default/app');
    await sidecar.logged(() => sidecar.accessLines.some((line) => line.includes(`unix://${folder}/bytes`)));
  });
});
