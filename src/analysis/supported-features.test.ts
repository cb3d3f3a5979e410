import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { supportedFeatures } from './supported-features.ts';

/** What shows that a feature is there, below `test/`. */
const shownBy: Readonly<Record<string, string>> = {
  BackendTLSPolicy: 'golden/compile/backend-tls-policy.in.yaml',
  BackendTLSPolicySANValidation: 'golden/compile/backend-tls-policy.in.yaml',
  GRPCRoute: 'behaviour/cases/grpc-route.yaml',
  GRPCRouteNamedRouteRule: 'golden/compile/grpc-route.in.yaml',
  Gateway: 'golden/compile/class-and-status.in.yaml',
  GatewayAddressEmpty: 'golden/compile/gateway-places.in.yaml',
  GatewayBackendClientCertificate: 'golden/compile/gateway-tls.in.yaml',
  GatewayFrontendClientCertificateValidation: 'golden/compile/frontend-validation.in.yaml',
  GatewayFrontendClientCertificateValidationInsecureFallback: 'golden/compile/frontend-validation.in.yaml',
  GatewayHTTPListenerIsolation: 'golden/compile/attachment.in.yaml',
  GatewayHTTPSListenerDetectMisdirectedRequests: 'golden/compile/gateway-conditions.in.yaml',
  GatewayPort8080: 'golden/compile/class-and-status.in.yaml',
  GatewayStaticAddresses: 'golden/compile/gateway-places.in.yaml',
  ListenerSet: 'golden/compile/listener-sets.in.yaml',
  ReferenceGrant: 'behaviour/cases/reference-grant.yaml',
  TCPRoute: 'golden/compile/byte-routes.in.yaml',
  TLSRoute: 'golden/compile/byte-routes.in.yaml',
  TLSRouteModeMixed: 'golden/compile/listener-conflicts.in.yaml',
  TLSRouteModeTerminate: 'golden/compile/frontend-validation.in.yaml',
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
