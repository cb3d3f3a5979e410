/**
 * The honest application, on Node's own HTTP/2 server, in a process of its own. It answers any gRPC call with an empty
 * message, each message of a stream with one; `x-hold` keeps a call open and unread, `x-response-bytes` sets a size.
 * Says `{port}` to its parent when it listens, and `{inFlightMax, requests, connections}` when asked.
 */
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';

const emptyMessage = Buffer.alloc(5);
/** All large answers are made of it. */
const piece = Buffer.alloc(16_384);

let inFlight = 0;
let inFlightMax = 0;
let requests = 0;
let connections = 0;

// As grpc-js does; Node's own limit would refuse honest streams beside stalled ones.
const server = createServer({ maxSessionMemory: Number.MAX_SAFE_INTEGER, settings: { maxConcurrentStreams: 10_000 } });
server.on('session', (session) => {
  connections += 1;
  session.on('error', () => undefined);
});
server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  requests += 1;
  inFlight += 1;
  inFlightMax = Math.max(inFlightMax, inFlight);
  stream.on('close', () => (inFlight -= 1));
  stream.on('error', () => undefined);
  if (headers['x-hold'] !== undefined) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const size = Number(headers['x-response-bytes'] ?? 0);
  if (size > 0) {
    stream.resume();
    pour(stream, size);
  } else {
    answerEach(stream);
  }
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('message', (message) => {
  if (message === 'reset') inFlightMax = inFlight;
  process.send?.({ inFlightMax, requests, connections });
});
process.on('disconnect', () => process.exit(0));

/** One empty message per message received, the end after the client's end. */
function answerEach(stream: ServerHttp2Stream): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      rest = rest.subarray(5 + rest.readUInt32BE(1));
      stream.write(emptyMessage);
    }
  });
  stream.on('end', () => stream.end());
}

function pour(stream: ServerHttp2Stream, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !stream.destroyed) {
      const part = piece.subarray(0, left);
      left -= part.length;
      if (!stream.write(part)) return void stream.once('drain', more);
    }
    if (!stream.destroyed) stream.end();
  };
  more();
}
