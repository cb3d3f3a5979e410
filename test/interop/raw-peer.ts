/**
 * Both ends of an HTTP/2 connection made of raw frames: each frame that is sent is the test's, each that comes is kept.
 * Nothing here knows the engine under test.
 */
import { createServer, connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { build, END_HEADERS, END_STREAM, frame, PADDED } from '../kit/frame-peer.ts';
import { NaiveDecoder } from '../kit/naive-hpack.ts';

const ACK = 1;

export { build, END_HEADERS, END_STREAM };

export type Pair = readonly [name: string, value: string];

export const Frame = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const;

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
  /** Of HEADERS. */
  readonly fields: readonly Pair[];
}

export function hasEnd({ flags }: SeenFrame): boolean {
  return (flags & END_STREAM) !== 0;
}

const largestWindow = 0x7fff_ffff;
const defaultWindow = 65_535;

/** One end. Acknowledges SETTINGS and PING by itself; gives the whole windows at once unless told otherwise. */
export class RawConnection {
  readonly frames: SeenFrame[] = [];
  readonly closed: Promise<void>;
  onFrame: (seen: SeenFrame) => void = () => undefined;
  readonly #socket: Socket;
  readonly #decoder = new NaiveDecoder();
  readonly #waiting = new Set<() => void>();
  #pending: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, { skip = 0 }: { readonly skip?: number } = {}) {
    this.#socket = socket;
    let left = skip;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const dropped = Math.min(left, chunk.length);
      left -= dropped;
      this.#read(chunk.subarray(dropped));
    });
    this.closed = once(socket, 'close').then(() => {
      for (const check of this.#waiting) check();
    });
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Of this side, once connected. */
  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  send(...parts: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Stops reading from the socket, as a peer does that hangs. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The first frame, already here or still to come, that the predicate accepts. */
  seen(accepts: (seen: SeenFrame) => boolean): Promise<SeenFrame> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.frames.find(accepts);
        if (found !== undefined) {
          this.#waiting.delete(check);
          resolve(found);
        } else if (this.isClosed) {
          this.#waiting.delete(check);
          reject(new Error(`closed; frames: ${this.frames.map(describeFrame).join(', ')}`));
        }
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** All frames of a stream so far. */
  of(id: number): SeenFrame[] {
    return this.frames.filter((seen) => seen.id === id && seen.type !== Frame.WINDOW_UPDATE);
  }

  /** Resolves when the stream has ended: END_STREAM or RST_STREAM; its frames. */
  async ended(id: number): Promise<SeenFrame[]> {
    await this.seen((seen) => seen.id === id && (seen.type === Frame.RST_STREAM || (seen.type <= 1 && hasEnd(seen))));
    return this.of(id);
  }

  /** Resolves once everything sent so far has been answered by the peer's HTTP/2 engine. */
  async settled(): Promise<void> {
    const payload = String(this.frames.length).padStart(8, '-').slice(0, 8);
    this.send(build.ping(payload));
    await this.seen(
      ({ type, flags, payload: got }) => type === Frame.PING && (flags & ACK) !== 0 && got.toString() === payload,
    );
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 9) {
      const end = 9 + this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < end) break;
      const bytes = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      this.#take(bytes);
    }
    for (const check of this.#waiting) check();
  }

  #take(bytes: Buffer): void {
    const type = bytes[3] ?? 0;
    const flags = bytes[4] ?? 0;
    const payload = bytes.subarray(9);
    const fields = type === Frame.HEADERS ? this.#decoder.decode(withoutPadding(payload, flags)) : [];
    const seen = { type, flags, id: bytes.readUInt32BE(5), payload, fields };
    this.frames.push(seen);
    if ((flags & ACK) === 0 && type === Frame.SETTINGS) this.send(build.settingsAck);
    if ((flags & ACK) === 0 && type === Frame.PING) this.send(frame(Frame.PING, ACK, 0, payload));
    this.onFrame(seen);
  }
}

function withoutPadding(payload: Buffer, flags: number): Buffer {
  return (flags & PADDED) === 0 ? payload : payload.subarray(1, payload.length - (payload[0] ?? 0));
}

function describeFrame({ type, id, flags, payload, fields }: SeenFrame): string {
  const detail = fields.map(([name, value]) => `${name}=${value}`).join(' ') || `${payload.length} bytes`;
  return `type ${type} stream ${id} flags ${flags} ${detail}`;
}

/** One request at a raw server. */
export interface RawRequest {
  readonly connection: RawConnection;
  readonly id: number;
  /** Counted from 0 over the life of the server, without those for reflection. */
  readonly index: number;
  readonly fields: readonly Pair[];
  header(name: string): string | undefined;
}

export interface RawServer {
  readonly address: { readonly host: string; readonly port: number };
  readonly connections: RawConnection[];
  readonly requests: RawRequest[];
  /** Resolves when so many requests have come. */
  received(count: number): Promise<RawRequest>;
  close(): Promise<void>;
}

export interface RawServerOptions {
  readonly settings?: readonly (readonly [number, number])[];
  /** Called with each request's HEADERS. */
  readonly onRequest?: (request: RawRequest) => void;
  /** Called when a request's END_STREAM has come. */
  readonly onEnd?: (request: RawRequest) => void;
  /** False: no window beyond the protocol's default is given. */
  readonly wide?: boolean;
}

export const MAX_CONCURRENT_STREAMS = 3;
export const INITIAL_WINDOW_SIZE = 4;

/** A gRPC server whose frames the test writes. A sidecar asks what it serves by reflection; that is answered "no" here. */
export async function startRawServer(options: RawServerOptions): Promise<RawServer> {
  const connections: RawConnection[] = [];
  const requests: RawRequest[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((socket) => {
    const connection = new RawConnection(socket, { skip: build.preface.length });
    connections.push(connection);
    const window = options.wide === false ? [] : [[INITIAL_WINDOW_SIZE, largestWindow] as const];
    connection.send(build.settings([...window, ...(options.settings ?? [])]));
    if (options.wide !== false) connection.send(build.windowUpdate(0, largestWindow - defaultWindow));
    connection.onFrame = (seen) => {
      if (seen.type === Frame.HEADERS && isReflection(seen)) connection.send(build.headers(seen.id, unimplemented, 5));
      else if (seen.type === Frame.HEADERS && seen.fields.some(([name]) => name === ':path')) begin(connection, seen);
      if (seen.type <= Frame.HEADERS && hasEnd(seen)) {
        const ended = requests.findLast((one) => one.connection === connection && one.id === seen.id);
        if (ended !== undefined) options.onEnd?.(ended);
      }
    };
  });
  const begin = (connection: RawConnection, { id, fields }: SeenFrame): void => {
    const header = (name: string) => fields.find(([one]) => one === name)?.[1];
    const request = { connection, id, index: requests.length, fields, header };
    requests.push(request);
    options.onRequest?.(request);
    for (const check of waiting) check();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: '127.0.0.1', port },
    connections,
    requests,
    received: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          const last = requests[count - 1];
          if (last === undefined) return;
          waiting.delete(check);
          resolve(last);
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      server.close();
      for (const connection of connections) connection.destroy();
      await Promise.all(connections.map(({ closed }) => closed));
    },
  };
}

const unimplemented: readonly Pair[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-status', '12'],
];

function isReflection({ fields }: SeenFrame): boolean {
  return fields.some(([name, value]) => name === ':path' && value.startsWith('/grpc.reflection.'));
}

/** A client whose frames the test writes. */
export function rawClient(
  { host, port }: { readonly host: string; readonly port: number },
  { settings = [[INITIAL_WINDOW_SIZE, largestWindow]], wide = true }: Pick<RawServerOptions, 'settings' | 'wide'> = {},
): RawConnection {
  const connection = new RawConnection(connectSocket({ host, port }));
  connection.send(build.preface, build.settings(settings));
  if (wide) connection.send(build.windowUpdate(0, largestWindow - defaultWindow));
  return connection;
}

/** A length-prefixed message of this many bytes. */
export function message(bytes: number | Buffer, flag = 0): Buffer {
  const body = typeof bytes === 'number' ? Buffer.alloc(bytes, 0x61) : bytes;
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}
