/** Requests and connections as the deciders see them. */
import type { ConnectionFacts, RequestFacts, TokenFacts } from '../../src/decide/index.ts';

export interface TestRequest {
  readonly authority?: string;
  readonly path?: string;
  readonly method?: string;
  readonly scheme?: string;
  /** Names and values in order, names in lower case; a name may repeat. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly token?: TokenFacts | undefined;
}

/** A request without a token, everything else given. */
export type WholeRequest = Required<Omit<TestRequest, 'token'>>;

export function testRequest(request: TestRequest = {}): RequestFacts {
  const headers = request.headers ?? [];
  const valuesOf = (name: string): string[] => headers.filter(([key]) => key === name).map(([, value]) => value);
  return {
    authority: request.authority ?? 'sit-gateway.example.com',
    path: request.path ?? '/asset.AssetService/GetAsset',
    method: request.method ?? 'POST',
    scheme: request.scheme ?? 'http',
    header: (name) => (valuesOf(name).length === 0 ? undefined : valuesOf(name).join(',')),
    headerAt: (name, index) => valuesOf(name)[index],
    token: request.token,
  };
}

export function testConnection(connection: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    sourceIp: '127.0.0.1',
    sourcePort: 50_000,
    destinationIp: '127.0.0.1',
    sni: '',
    principal: 'cluster.local/ns/gateway/sa/gateway',
    ...connection,
  };
}
