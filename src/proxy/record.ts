// Hot file: once per finished request. One record is filled again and again; label objects are those of the plan.
import type { Clock, Origin } from '../base/index.ts';
import { explainRefusal, type CompiledCluster, type LocalCause, type Refusal } from '../decide/index.ts';
import {
  newRequestRecord,
  noTags,
  unknownService,
  unknownWorkload,
  type AccessLog,
  type ConnectionSecurity,
  type PairLabels,
  type RequestMetrics,
  type ServiceIdentity,
  type WorkloadIdentity,
} from '../telemetry/index.ts';
import { responseFlags } from './action-state.ts';
import type { Exchange, Scope } from './exchange.ts';
import { isLogged } from './log-rules.ts';
import type { HeadView } from './head-view.ts';
import { tagRules, type TagRules } from './tag-rules.ts';

export interface RecorderOptions {
  readonly clock: Clock;
  readonly metrics: RequestMetrics;
  /** Undefined: no access log. */
  readonly accessLog: AccessLog | undefined;
  readonly view: HeadView;
}

interface MutablePair {
  reporter: PairLabels['reporter'];
  source: WorkloadIdentity;
  destination: WorkloadIdentity;
  service: ServiceIdentity;
  security: ConnectionSecurity;
}

export interface Recorder {
  /** Books a finished request: metrics always, a line where there is a log. */
  readonly record: (exchange: Exchange) => void;
  /** Books the messages that a call under way has come to, so that long ones are seen (istio.md 7.1). */
  readonly recordMessages: (exchange: Exchange) => void;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { clock, metrics, accessLog, view } = options;
  const record = newRequestRecord();
  const pair: MutablePair = {
    reporter: 'source',
    source: unknownWorkload,
    destination: unknownWorkload,
    service: unknownService,
    security: 'unknown',
  };
  const messagesOf = (exchange: Exchange, index: number): void => {
    const { requestMessages, responseMessages, requestMessagesBooked, responseMessagesBooked } = exchange;
    const requests = requestMessages.count - requestMessagesBooked;
    const responses = responseMessages.count - responseMessagesBooked;
    metrics.addMessages(index, requests, responses);
    exchange.requestMessagesBooked = requestMessages.count;
    exchange.responseMessagesBooked = responseMessages.count;
  };
  /** What is counted while a call goes on is told apart by what is known then: its response counts as absent. */
  const messagePair = (index: number, tags: TagRules | undefined): number =>
    tags?.messages === undefined ? index : metrics.taggedPair(index, metrics.tagSet(tags.messages(record)));
  const recordMessages = (exchange: Exchange): void => {
    const { scope } = exchange;
    if (scope === undefined) return;
    fillPair(pair, exchange, scope);
    const index = metrics.pairFor(pair);
    const tags = tagsOf(scope, pair.reporter);
    if (tags !== undefined) fillBegun(record, exchange, view);
    messagesOf(exchange, messagePair(index, tags));
  };
  const recordCall = (exchange: Exchange): void => {
    const { scope } = exchange;
    if (scope === undefined) return;
    const durationMs = Math.max(0, clock.monotonicMs() - exchange.startMs);
    fillPair(pair, exchange, scope);
    const index = metrics.pairFor(pair);
    const tags = tagsOf(scope, pair.reporter);
    const isRead = tags !== undefined || accessLog !== undefined;
    if (isRead) fillBegun(record, exchange, view);
    messagesOf(exchange, messagePair(index, tags));
    if (isRead) fillOutcome(record, exchange);
    const tagSet = tags?.requests === undefined ? noTags : metrics.tagSet(tags.requests(record));
    const flags = flagsOf(exchange);
    const series = metrics.seriesFor(index, exchange.isGrpc, exchange.httpStatus, exchange.grpcStatus, flags, tagSet);
    const { downStream } = exchange;
    metrics.record(series, durationMs, downStream?.receivedBytes ?? 0, downStream?.sentBytes ?? 0);
    if (accessLog === undefined) return;
    record.startWallMs = clock.wallMs() - durationMs;
    record.durationMs = durationMs;
    const { telemetry } = scope.compiled.proxy;
    if (telemetry !== undefined && !isLogged(telemetry, record)) return;
    record.reason = reasonOf(exchange, scope, view);
    accessLog.log(record);
  };
  return { record: recordCall, recordMessages };
}

function flagsOf({ error, extra }: Exchange): string {
  const flag = error?.flag ?? '-';
  return extra === undefined ? flag : responseFlags(flag, extra.flags);
}

/** Gateways report as the source, sidecars as the destination of what comes in. */
function fillPair(pair: MutablePair, exchange: Exchange, scope: Scope): void {
  const service = clusterOf(exchange)?.cluster.service ?? serviceOfNone(exchange);
  const own = scope.compiled.proxy.labels;
  pair.service = service;
  if (scope.port.port.direction === 'inbound') {
    pair.reporter = 'destination';
    pair.source = scope.peer;
    pair.destination = own;
    pair.security = scope.peer === unknownWorkload ? 'none' : 'mutual_tls';
  } else {
    pair.reporter = 'source';
    pair.source = own;
    pair.destination = exchange.endpoint?.endpoint.labels ?? unknownWorkload;
    pair.security = 'unknown';
  }
}

/** Istio's name for calls to a host that the mesh does not know. */
const blackHole: ServiceIdentity = { ...unknownService, name: 'BlackHoleCluster' };

function serviceOfNone({ error }: Exchange): ServiceIdentity {
  return error?.cause === 'unknown_host' ? blackHole : unknownService;
}

/** The cluster of the request; for one refused before a backend was drawn, the route's only one. */
function clusterOf(exchange: Exchange): CompiledCluster | undefined {
  if (exchange.cluster !== undefined) return exchange.cluster.compiled;
  const { decision } = exchange;
  return decision?.type === 'route' ? decision.route.backends[0]?.cluster : undefined;
}

type Record = ReturnType<typeof newRequestRecord>;

/** Undefined for a proxy whose Telemetry computes no label, as nearly all are. */
function tagsOf({ compiled }: Scope, reporter: PairLabels['reporter']): TagRules | undefined {
  const { telemetry } = compiled.proxy;
  return telemetry === undefined ? undefined : tagRules(telemetry, reporter);
}

/** What is known before there is a response. */
function fillBegun(record: Record, exchange: Exchange, view: HeadView): void {
  const { scope } = exchange;
  if (scope === undefined) return;
  record.reporter = scope.port.port.direction === 'inbound' ? 'destination' : 'source';
  fillRequest(record, exchange);
  fillConnection(record, exchange, scope);
  record.responseCode = 0;
  record.grpcStatus = -1;
  record.details = '';
  if (scope.compiled.proxy.telemetry === undefined) return;
  view.show(exchange.head, exchange.headCount, exchange.token);
  record.head = view;
  record.destinationPort = destinationPort(exchange, scope);
}

/** One outbound port leads to all Services; where an app wanted to go stands in Istio's name of the cluster. */
function destinationPort(exchange: Exchange, { port: { port } }: Scope): number {
  const name = port.direction === 'outbound' ? clusterOf(exchange)?.cluster.name : undefined;
  return name === undefined ? port.number : Number(name.split('|')[1]);
}

function fillRequest(record: Record, exchange: Exchange): void {
  record.method = exchange.method;
  record.path = exchange.path;
  record.authority = exchange.authority;
  record.requestId = exchange.requestId;
  record.userAgent = exchange.userAgent;
  record.isGrpc = exchange.isGrpc;
  record.requestBytes = exchange.requestBytes;
  record.responseBytes = exchange.responseBytes;
  record.requestMessages = exchange.requestMessages.count;
  record.responseMessages = exchange.responseMessages.count;
}

function fillConnection(record: Record, exchange: Exchange, scope: Scope): void {
  const { facts, peerSpiffeId } = exchange.down ?? {};
  const endpoint = exchange.endpoint?.endpoint;
  record.hop = scope.compiled.id;
  record.sourceAddress = facts === undefined ? '' : `${facts.remoteAddress}:${facts.remotePort}`;
  record.localAddress = facts === undefined ? '' : `${facts.localAddress}:${facts.localPort}`;
  record.sni = facts?.sni ?? '';
  record.peerPrincipal = peerSpiffeId ?? '';
  record.isMutual = (facts?.peerCertificate.length ?? 0) > 0;
  const isInbound = record.reporter === 'destination';
  const own = scope.compiled.proxy.labels.principal;
  record.sourcePrincipal = isInbound ? (peerSpiffeId ?? '') : own;
  const other = endpoint === undefined || endpoint.labels.principal === 'unknown' ? '' : endpoint.labels.principal;
  record.destinationPrincipal = isInbound ? own : other;
  record.upstreamCluster = clusterOf(exchange)?.cluster.name ?? '';
  record.upstreamAddress = endpoint === undefined ? '' : `${endpoint.address.host}:${endpoint.address.port}`;
  record.upstreamLocalAddress = exchange.upLocalAddress;
}

function fillOutcome(record: Record, exchange: Exchange): void {
  const { decision, authorization, error } = exchange;
  record.responseCode = exchange.httpStatus;
  record.grpcStatus = exchange.grpcStatus;
  record.flags = flagsOf(exchange);
  const denied = error?.cause === 'rbac_denied' ? authorization?.details : undefined;
  record.details = denied ?? error?.details ?? 'via_upstream';
  record.firstByteMs = exchange.firstByteMs === 0 ? -1 : exchange.firstByteMs - exchange.startMs;
  record.attempts = exchange.attempts;
  record.route = routeOrigin(decision);
  record.policy = authorization?.policy?.origin ?? exchange.refusedBy;
  record.considered = authorization?.considered;
  record.audited = authorization?.audited?.origin;
  record.shadow = authorization?.shadow === undefined ? '' : authorization.shadow.allowed ? 'allowed' : 'denied';
  record.shadowPolicy = authorization?.shadow?.policy?.origin;
}

function routeOrigin(decision: Exchange['decision']): Origin | undefined {
  return decision?.type === 'route' ? decision.route.route.origin : undefined;
}

/** What explains each of the proxy's own answers; the causes not named here are explained by the upstream, or by themselves. */
const explainedBy: Partial<Readonly<{ [cause in LocalCause]: 'route' | 'authorization' | 'backend' | 'request' }>> = {
  no_route: 'route',
  no_listener: 'route',
  no_virtual_host: 'route',
  unknown_host: 'route',
  idle_host: 'route',
  rbac_denied: 'authorization',
  route_failed: 'backend',
  backend_invalid: 'backend',
  not_grpc: 'request',
  method_not_post: 'request',
  invalid_path: 'request',
  misdirected: 'request',
};

/** Why the proxy answered itself, naming the YAML that decided, and what the route's actions did; empty for neither. */
function reasonOf(exchange: Exchange, scope: Scope, view: HeadView): string {
  const { error, errorDetail } = exchange;
  const note = exchange.extra?.note ?? '';
  if (error === undefined) return note;
  const refusal = refusalOf(exchange, scope, view);
  const reason = refusal === undefined ? errorDetail || error.message : explainRefusal(refusal);
  return note === '' ? reason : `${reason}; ${note}`;
}

function refusalOf(exchange: Exchange, scope: Scope, request: HeadView): Refusal | undefined {
  const { error, decision, authorization, errorDetail } = exchange;
  if (error === undefined) return undefined;
  const { cause } = error;
  const kind = explainedBy[cause];
  request.show(exchange.head, exchange.headCount, exchange.token);
  if (kind === 'request') return { type: 'request', cause, request };
  if (kind === 'route' && decision !== undefined) return { type: 'route', port: scope.port, request, decision };
  if (kind === 'authorization' && authorization !== undefined) {
    return { type: 'authorization', bound: scope.authorization, request, decision: authorization };
  }
  if (kind === 'backend' && decision?.type === 'route') {
    return { type: 'backend', route: decision.route, backend: exchange.backend };
  }
  const cluster = clusterOf(exchange);
  if (error.source !== 'upstream' || cluster === undefined) return undefined;
  return { type: 'upstream', cause, cluster, ...(errorDetail === '' ? {} : { detail: errorDetail }) };
}
