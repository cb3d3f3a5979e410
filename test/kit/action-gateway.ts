/** A gateway in this process whose one route does what a test asks for, with clients that see every answer as it is. */
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { TestContext } from 'node:test';
import type { ConnectionPool, HashPolicy, Plan, Route } from '../../src/plan/index.ts';
import type { Address, ProxyOptions } from '../../src/proxy/index.ts';
import { echoClient, type EchoClient } from './proxy-client.ts';
import { gatewayId, gatewayPortId, proxyOrigin, proxyPlan, publicHost, serviceHost } from './proxy-plan.ts';
import { startProxy, type TestProxy } from './proxy-process.ts';
import { startScripted, type Script, type ScriptedBackend } from './proxy-scripted.ts';

/** The cluster of the route's only backend. */
export const mainCluster = `${gatewayId}/outbound|8080||${serviceHost}`;

export interface ActionGatewaySpec {
  readonly endpoints?: readonly Address[];
  readonly route?: Partial<Route>;
  readonly pool?: Partial<ConnectionPool>;
  readonly hash?: HashPolicy;
  /** More clusters by name, for mirrors; their ids are `clusterId(name)`. */
  readonly clusters?: Readonly<Record<string, readonly Address[]>>;
  readonly options?: Partial<ProxyOptions>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ActionGateway {
  readonly gateway: TestProxy;
  readonly address: Address;
  readonly client: EchoClient;
  /** Sends one request on a connection shared by all of them. */
  readonly http: (headers: Readonly<Record<string, string>>, body?: string) => Promise<HttpAnswer>;
  /** A gRPC request whose answer is seen header by header. */
  readonly grpc: (headers?: Readonly<Record<string, string>>) => Promise<HttpAnswer>;
  /** The access log's line of the `index`-th request, when it is there. */
  readonly line: (index?: number) => Promise<string>;
}

export function clusterId(name: string): string {
  return `${gatewayId}/${name}`;
}

/** Everything ends with the test. */
export async function actionGateway(t: TestContext, spec: ActionGatewaySpec): Promise<ActionGateway> {
  const gateway = await startProxy(gatewayId, spec.options);
  t.after(() => gateway.proxy.close());
  await gateway.apply(actionPlan(spec));
  const address = gateway.addressOf(gatewayPortId);
  const client = echoClient(address);
  t.after(() => client.close());
  const http = httpClient(t, address);
  return {
    gateway,
    address,
    client,
    http,
    grpc: (headers = {}) =>
      http({
        ':method': 'POST',
        ':path': '/test.Echo/Unary',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      }),
    line: async (index = 0) => {
      await gateway.logged(() => gateway.accessLines.length > index);
      return gateway.accessLines[index] ?? '';
    },
  };
}

/** Plain HTTP/2 requests on one connection, which is made with the first. */
export function httpClient(t: TestContext, address: Address): ActionGateway['http'] {
  let session: ClientHttp2Session | undefined;
  t.after(() => session?.destroy());
  return (headers, body) => {
    session ??= connect(`http://${address.host}:${address.port}`);
    return exchangeOnce(session, headers, body);
  };
}

/** The plan of such a gateway. */
export function actionPlan({ endpoints = [], route = {}, pool, hash, clusters = {} }: ActionGatewaySpec): Plan {
  const plan = proxyPlan({ gatewayEndpoints: endpoints, ...(pool === undefined ? {} : { gatewayPool: pool }) });
  const main = plan.clusters[mainCluster];
  const [template] = Object.values(plan.routes);
  if (main === undefined || template === undefined) throw new Error('the plan of the kit has changed');
  const hashed = hash === undefined ? {} : { [main.id]: { ...main, loadBalancer: 'CONSISTENT_HASH' as const, hash } };
  const more = Object.entries(clusters).map(([name, addresses]) => {
    const cluster = { ...main, id: clusterId(name), name, service: { ...main.service, name } };
    const added = addresses.map((address, index) => ({
      id: `${cluster.id}/${index}`,
      origin: proxyOrigin('Deployment', name, 3),
      cluster: cluster.id,
      address,
      weight: 1,
      security: { mode: 'plaintext' } as const,
      labels: Object.values(plan.proxies)[0]?.labels ?? unlabelled,
    }));
    return { cluster, added };
  });
  return {
    ...plan,
    routes: { [template.id]: { ...template, ...route } },
    clusters: { ...plan.clusters, ...hashed, ...Object.fromEntries(more.map(({ cluster }) => [cluster.id, cluster])) },
    endpoints: {
      ...plan.endpoints,
      ...Object.fromEntries(more.flatMap(({ added }) => added).map((endpoint) => [endpoint.id, endpoint])),
    },
  };
}

const unlabelled = {
  workload: 'x',
  namespace: 'x',
  app: 'x',
  version: 'x',
  canonicalService: 'x',
  canonicalRevision: 'x',
  cluster: 'x',
  principal: 'unknown',
};

async function exchangeOnce(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<HttpAnswer> {
  const stream = session.request(
    { ':method': 'GET', ':path': '/', ':authority': publicHost, ...headers },
    { endStream: body === undefined },
  );
  let received: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let text = '';
  stream.on('response', (fields) => (received = fields));
  stream.on('trailers', (fields) => (trailers = fields));
  stream.on('data', (chunk) => (text += String(chunk)));
  stream.on('error', () => undefined);
  if (body !== undefined) stream.end(body);
  await once(stream, 'close');
  return { status: Number(received[':status'] ?? 0), headers: received, trailers, body: text };
}

/** An application whose every frame the test decides; ends with the test. */
export async function scripted(t: TestContext, script: Script): Promise<ScriptedBackend> {
  const backend = await startScripted(script);
  t.after(() => backend.close());
  return backend;
}

/** A backend that is unavailable and says in how many milliseconds to try again (gRFC A6), or not to. */
export function pushingBack(t: TestContext, pushback: string): Promise<ScriptedBackend> {
  const trailersOnly: [string, string][] = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-status', '14'],
    ['grpc-retry-pushback-ms', pushback],
  ];
  return scripted(t, { onRequest: () => undefined, onEnd: (request) => request.send(trailersOnly, true) });
}
