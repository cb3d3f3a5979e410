import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority, freePort, startHops, type Contender } from '../contender.ts';

/** nginx twice, one worker each. */
export const nginx: Contender = {
  name: 'nginx',
  unavailable: () =>
    spawnSync('nginx', ['-v']).status === 0 ? undefined : 'nginx is not installed (Debian package nginx-light)',
  start: async ({ backendPort, credentials, directory }) => {
    const [gatewayPort, sidecarPort] = [await freePort(), await freePort()];
    const gatewayFile = join(directory, 'nginx-gateway.conf');
    const sidecarFile = join(directory, 'nginx-sidecar.conf');
    writeFileSync(
      gatewayFile,
      config(
        directory,
        `upstream workload { server 127.0.0.1:${sidecarPort}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${gatewayPort} http2; server_name ${authority};
    location /asset.AssetService/ {
      grpc_pass grpcs://workload;
      grpc_ssl_certificate ${credentials.gateway.cert}; grpc_ssl_certificate_key ${credentials.gateway.key};
      grpc_ssl_trusted_certificate ${credentials.rootFile}; grpc_ssl_protocols TLSv1.3; grpc_ssl_server_name on;
    }
  }`,
      ),
    );
    writeFileSync(
      sidecarFile,
      config(
        directory,
        `upstream app { server 127.0.0.1:${backendPort}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${sidecarPort} ssl http2;
    ssl_certificate ${credentials.sidecar.cert}; ssl_certificate_key ${credentials.sidecar.key}; ssl_protocols TLSv1.3;
    ssl_client_certificate ${credentials.rootFile}; ssl_verify_client on; ssl_session_tickets off;
    location /asset.AssetService/ { grpc_pass grpc://app; }
  }`,
      ),
    );
    return startHops([
      { name: 'gateway', command: 'nginx', args: ['-c', gatewayFile, '-p', directory], port: gatewayPort },
      { name: 'sidecar', command: 'nginx', args: ['-c', sidecarFile, '-p', directory], port: sidecarPort },
    ]);
  },
};

function config(directory: string, http: string): string {
  return `daemon off; master_process off; worker_processes 1; error_log stderr crit; pid ${directory}/nginx-${Math.random()}.pid;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; http2_max_concurrent_streams 1000; http2_max_requests 1000000000;
  client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
  ${http}
}
`;
}
