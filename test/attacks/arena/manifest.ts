/** Two workloads behind one gateway; no DestinationRule, so that no configured limit hides what the engine does. */
export const manifest = `
apiVersion: v1
kind: Namespace
metadata: { name: default, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Namespace
metadata: { name: gateway }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: istio-ingressgateway-service-account, namespace: gateway }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio }
spec: { controllerName: istio.io/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: public-api-gateway
  namespace: gateway
  annotations: { networking.istio.io/service-account: istio-ingressgateway-service-account }
spec:
  gatewayClassName: istio
  listeners:
    - { name: http, protocol: HTTP, port: 80, allowedRoutes: { namespaces: { from: All } } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: gateway-only, namespace: default }
spec:
  rules:
    - from: [{ source: { principals: [cluster.local/ns/gateway/sa/istio-ingressgateway-service-account] } }]
      to: [{ operation: { paths: ["/asset.AssetService/*"] } }]
${workload('asset-management', 'sit-gateway.tcex.com.vn')}
${workload('evil', 'evil.example')}
`;

function workload(name: string, host: string): string {
  return `
---
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
      containers:
        - { name: ${name}, image: "${name}:1", ports: [{ name: grpc, containerPort: 50051 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  selector: { app: ${name} }
  ports: [{ name: grpc, port: 8080, targetPort: grpc }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: default }
spec:
  parentRefs: [{ name: public-api-gateway, namespace: gateway }]
  hostnames: ["${host}"]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /asset.AssetService } }]
      backendRefs: [{ name: ${name}, port: 8080 }]
`;
}
