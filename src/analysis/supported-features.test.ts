import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { supportedFeatures } from './supported-features.ts';

/** What shows that a feature is there, below `test/`. */
const shownBy: Readonly<Record<string, string>> = {
  BackendTLSPolicy: 'behaviour/cases/backend-tls-policy.yaml',
  BackendTLSPolicySANValidation: 'behaviour/cases/backend-tls-policy.yaml',
  GRPCRoute: 'behaviour/cases/conformance-grpc.yaml',
  GRPCRouteNamedRouteRule: 'behaviour/cases/grpc-route-filters.yaml',
  Gateway: 'golden/compile/class-and-status.in.yaml',
  GatewayAddressEmpty: 'golden/compile/gateway-places.in.yaml',
  GatewayBackendClientCertificate: 'behaviour/cases/backend-tls-policy.yaml',
  GatewayFrontendClientCertificateValidation: 'behaviour/cases/gateway-clients.yaml',
  GatewayFrontendClientCertificateValidationInsecureFallback: 'behaviour/cases/gateway-clients.yaml',
  GatewayHTTPListenerIsolation: 'behaviour/cases/conformance-hostnames.yaml',
  GatewayHTTPSListenerDetectMisdirectedRequests: 'behaviour/cases/conformance-misdirected.yaml',
  GatewayPort8080: 'behaviour/cases/gateway-listeners.yaml',
  GatewayStaticAddresses: 'golden/compile/gateway-places.in.yaml',
  ListenerSet: 'behaviour/cases/listener-set.yaml',
  ReferenceGrant: 'behaviour/cases/reference-grants.yaml',
  TCPRoute: 'behaviour/cases/tcp-route.yaml',
  TLSRoute: 'behaviour/cases/tls-route.yaml',
  TLSRouteModeMixed: 'behaviour/cases/tls-route.yaml',
  TLSRouteModeTerminate: 'behaviour/cases/tls-route.yaml',
};

test('names are sorted as the API server compares them, and each is there once', () => {
  assert.deepEqual(supportedFeatures, [...new Set(supportedFeatures)].sort());
});

test('each has something that shows it', () => {
  assert.deepEqual([...supportedFeatures], Object.keys(shownBy).sort());
  const folder = join(import.meta.dirname, '../../test');
  assert.deepEqual(
    Object.values(shownBy).filter((file) => !existsSync(join(folder, file))),
    [],
  );
});
