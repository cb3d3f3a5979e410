import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority, freePort, startHops, type Contender } from '../contender.ts';

/**
 * HAProxy twice, one thread each. It cannot compare a URI SAN, so each side only verifies the chain: a little less work than
 * ours. No SNI: with one it would insist on a DNS name in the certificate.
 *
 * 2.6 now and then ends its connection to the backend by GOAWAY(INTERNAL_ERROR) while that sends 1 MB responses, and cuts
 * those under way. Buffers of 64 or 128 KiB and a smaller HTTP/2 window made it ten times as frequent, so its defaults stay.
 */
export const haproxy: Contender = {
  name: 'HAProxy',
  unavailable: () =>
    spawnSync('haproxy', ['-v']).status === 0 ? undefined : 'haproxy is not installed (Debian package haproxy)',
  start: async ({ backendPort, credentials, directory }) => {
    const [gatewayPort, sidecarPort] = [await freePort(), await freePort()];
    const tls = `ca-file ${credentials.rootFile} verify required ssl-min-ver TLSv1.3 alpn h2`;
    const gatewayFile = join(directory, 'haproxy-gateway.cfg');
    const sidecarFile = join(directory, 'haproxy-sidecar.cfg');
    writeFileSync(
      gatewayFile,
      `${common}
frontend gateway
  bind 127.0.0.1:${gatewayPort} proto h2
  http-request deny deny_status 404 unless { hdr(host) -i ${authority} } { path_beg /asset.AssetService/ }
  default_backend workload
backend workload
  balance leastconn
  http-reuse always
  server one 127.0.0.1:${sidecarPort} ssl crt ${credentials.gatewayBundle} ${tls}
`,
    );
    writeFileSync(
      sidecarFile,
      `${common}
frontend sidecar
  bind 127.0.0.1:${sidecarPort} ssl crt ${credentials.sidecarBundle} ${tls} no-tls-tickets
  http-request deny unless { path_beg /asset.AssetService/ }
  default_backend app
backend app
  http-reuse always
  server one 127.0.0.1:${backendPort} proto h2
`,
    );
    return startHops([
      { name: 'gateway', command: 'haproxy', args: ['-db', '-f', gatewayFile], port: gatewayPort },
      { name: 'sidecar', command: 'haproxy', args: ['-db', '-f', sidecarFile], port: sidecarPort },
    ]);
  },
};

const common = `global
  nbthread 1
  maxconn 8000
  tune.h2.max-concurrent-streams 1000
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 1h`;
