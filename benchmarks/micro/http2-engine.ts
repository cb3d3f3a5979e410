/**
 * How many microseconds of CPU the engine spends per relayed unary call, in memory: client engine → relay's server
 * engine → relay's client engine → server engine, and back. The two engines in the middle are what a proxy runs; the
 * outer two are the load, so a proxy's share is about half of the printed figure.
 *
 * Run by hand: `node benchmarks/micro/http2-engine.ts [calls] [concurrency] [responseBytes] [plain]`
 */
import {
  defaultLimits,
  Http2Connection,
  internField,
  transientField,
  type ConnectionHandler,
  type Field,
  type Http2Stream,
} from '../../src/http2/index.ts';

const calls = Number(process.argv[2] ?? 300_000);
const concurrency = Number(process.argv[3] ?? 100);
const responseBytes = Number(process.argv[4] ?? 120);
/** `plain` leaves out the two fields that differ on each call. */
const isPlain = process.argv[5] === 'plain';

interface Pair {
  down: Http2Stream<Pair> | undefined;
  up: Http2Stream<Pair> | undefined;
}

const quiet = {
  onReset: () => {},
  onWindow: () => {},
  onStreamClosed: () => {},
  onSettings: () => {},
  onPingAck: () => {},
  onPing: () => {},
  onGoaway: () => {},
  onRefused: () => {},
  onLimit: (name: string) => console.error('limit', name),
  onConnectionError: (_code: number, message: string) => {
    throw new Error(message);
  },
};

const requestFields: Field[] = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', '/asset.AssetService/GetAsset'),
  internField(':authority', 'api.example.com'),
  internField('te', 'trailers'),
  internField('content-type', 'application/grpc'),
  internField('user-agent', 'grpc-node-js/1.14.7'),
  internField('grpc-accept-encoding', 'identity,deflate,gzip'),
  ...(isPlain
    ? []
    : [
        transientField('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
        transientField('grpc-timeout', '4999m'),
      ]),
];
const responseFields: Field[] = [internField(':status', '200'), internField('content-type', 'application/grpc')];
const trailers: Field[] = [internField('grpc-status', '0')];
const requestBody = Buffer.alloc(64, 1);
const responseBody = Buffer.alloc(responseBytes, 2);

/** Sends what fits; the benchmark's windows are refilled by each relay step, so large bodies go out in turns. */
function relay(
  to: Http2Connection<Pair>,
  stream: Http2Stream<Pair>,
  chunk: Buffer,
  at: [number, number],
  end: boolean,
) {
  const taken = to.sendData(stream, chunk, at[0], at[1], end);
  if (taken < at[1] - at[0]) throw new Error('window too small for this benchmark');
}

const backendHandler: ConnectionHandler<Pair> = {
  ...quiet,
  onHeaders: () => {},
  onTrailers: () => {},
  onData(stream, _chunk, start, end, endStream) {
    backend.creditReceived(stream, end - start);
    if (!endStream) return;
    backend.sendHeaders(stream, responseFields, responseFields.length, false);
    relay(backend, stream, responseBody, [0, responseBody.length], false);
    backend.sendHeaders(stream, trailers, 1, true);
  },
};
const downHandler: ConnectionHandler<Pair> = {
  ...quiet,
  onHeaders(stream, fields, count, endStream) {
    const pair: Pair = { down: stream, up: undefined };
    stream.user = pair;
    const up = upstream.openStream(pair);
    if (up === undefined) throw new Error('no stream');
    pair.up = up;
    upstream.sendHeaders(up, fields, count, endStream);
  },
  onTrailers: () => {},
  onData(stream, chunk, start, end, endStream) {
    relay(upstream, stream.user!.up!, chunk, [start, end], endStream);
    downstream.creditReceived(stream, end - start);
  },
};
const upHandler: ConnectionHandler<Pair> = {
  ...quiet,
  onHeaders(stream, fields, count, endStream) {
    downstream.sendHeaders(stream.user!.down!, fields, count, endStream);
  },
  onTrailers(stream, fields, count) {
    downstream.sendHeaders(stream.user!.down!, fields, count, true);
  },
  onData(stream, chunk, start, end, endStream) {
    relay(downstream, stream.user!.down!, chunk, [start, end], endStream);
    upstream.creditReceived(stream, end - start);
  },
};
/** Calls completed. */
const progress = { done: 0 };
const clientHandler: ConnectionHandler<Pair> = {
  ...quiet,
  onHeaders: () => {},
  onTrailers() {
    progress.done++;
  },
  onData(stream, _chunk, start, end) {
    client.creditReceived(stream, end - start);
  },
};

const limits = { ...defaultLimits, streamWindowBytes: 4 << 20, connectionWindowBytes: 512 << 20 };
const client = new Http2Connection<Pair>({ role: 'client', handler: clientHandler, limits });
const downstream = new Http2Connection<Pair>({ role: 'server', handler: downHandler, limits });
const upstream = new Http2Connection<Pair>({ role: 'client', handler: upHandler, limits });
const backend = new Http2Connection<Pair>({ role: 'server', handler: backendHandler, limits });

let nowMs = 0;
/** CPU of the two engines in the middle, milliseconds. */
let relayMs = 0;

function move(from: Http2Connection<Pair>, to: Http2Connection<Pair>): void {
  if (from.output.byteLength === 0) return;
  const chunk = Buffer.concat(from.output.take());
  from.output.written();
  const started = performance.now();
  to.receive(chunk, nowMs);
  if (to === downstream || to === upstream) relayMs += performance.now() - started;
}

function turn(): void {
  nowMs++;
  move(client, downstream);
  move(upstream, backend);
  move(backend, upstream);
  move(downstream, client);
}

function run(total: number): number {
  const target = progress.done + total;
  const started = process.cpuUsage();
  let sent = 0;
  while (progress.done < target) {
    while (client.activeStreams < concurrency && sent < total) {
      const stream = client.openStream({ down: undefined, up: undefined });
      if (stream === undefined) break;
      sent++;
      client.sendHeaders(stream, requestFields, requestFields.length, false);
      client.sendData(stream, requestBody, 0, requestBody.length, true);
    }
    turn();
  }
  const used = process.cpuUsage(started);
  return (used.user + used.system) / total;
}

run(Math.min(calls, 50_000));
for (let round = 1; round <= 3; round++) {
  relayMs = 0;
  const all = run(calls);
  console.log(
    `round ${round}: ${all.toFixed(2)} µs per call in all four engines, ${((relayMs * 1000) / calls).toFixed(2)} µs in the two of the relay`,
  );
}
