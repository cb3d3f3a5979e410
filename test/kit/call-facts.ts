/** A finished call as expressions of a Telemetry see it. */
import { newRequestRecord, type RequestRecord } from '../../src/telemetry/index.ts';

export const calledHeaders: Readonly<Record<string, string>> = { 'x-team': 'a', 'x-empty': '', referer: 'http://r/' };

export function callFacts(change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    ...newRequestRecord(),
    responseCode: 200,
    grpcStatus: 7,
    method: 'POST',
    authority: 'api.example.com',
    path: '/a.B/C?x=1',
    userAgent: 'grpc-go/1.0',
    requestId: 'id-1',
    details: 'via_upstream',
    sni: 'sni.example.com',
    peerPrincipal: 'spiffe://td/ns/a/sa/web',
    isMutual: true,
    sourceAddress: '127.0.0.1:40000',
    localAddress: '127.0.0.2:15006',
    destinationPort: 8080,
    upstreamAddress: '127.0.0.3:50051',
    upstreamCluster: 'outbound|8080||api',
    head: { scheme: 'http', header: (name) => calledHeaders[name] },
    ...change,
  };
}
