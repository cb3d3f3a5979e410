const ofGatewayApi = 'The Gateway of apiVersion gateway.networking.k8s.io/v1 has it.';
const ofIstio = 'The Gateway of apiVersion networking.istio.io/v1 has it.';

/** Fields that people look for in a kind because another one has them, with what to do instead. */
const foreignFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Two kinds of that name: what one has, the other lacks.
  Gateway: { gatewayClassName: ofGatewayApi, listeners: ofGatewayApi, servers: ofIstio, selector: ofIstio },
  GRPCRoute: {
    path: 'A GRPCRoute matches by method: { service: package.Service, method: Method }; an HTTPRoute has path, and carries gRPC too.',
    timeouts: 'An HTTPRoute has timeouts, and carries gRPC too.',
    retry: 'An HTTPRoute has retry, and carries gRPC too.',
    urlRewrite: 'An HTTPRoute has URLRewrite, and carries gRPC too.',
    requestRedirect: 'An HTTPRoute has RequestRedirect, and carries gRPC too.',
    cors: 'An HTTPRoute has CORS, and carries gRPC too.',
  },
};

/** The remedy for a field that this kind lacks and another has. */
export function foreignField(kind: string, field: string): string | undefined {
  const fields = Object.hasOwn(foreignFields, kind) ? foreignFields[kind] : undefined;
  return fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
}
