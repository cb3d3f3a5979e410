/** Fields that people look for in a kind because another one has them, with what to do instead. */
const foreignFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
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
