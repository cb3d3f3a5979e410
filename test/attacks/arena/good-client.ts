/** The honest client beside an attack: grpc-js, unary calls at a constant rate and streams that never stop. */
import { assetClient, type AssetClient, type Message } from '../../kit/asset-service.ts';
import { goodAuthority } from './authorities.ts';

export interface Quality {
  readonly calls: number;
  readonly failures: number;
  /** Milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstFailure: string;
}

export interface GoodClient {
  /** What happened since the last call of this. */
  take(): Quality | Promise<Quality>;
  stop(): Promise<void>;
}

/** In this process. */
export interface LocalGoodClient extends GoodClient {
  take(): Quality;
}

export interface GoodClientOptions {
  readonly callsPerSecond?: number;
  readonly streams?: number;
}

const tickMs = 5;
const callDeadlineMs = 5_000;
/** A stream whose echo stays away this long has failed. */
const echoDeadlineMs = 5_000;
const echoEveryMs = 100;

/** Open loop: slow answers do not slow the calls. */
export function startGoodClient(
  address: string,
  { callsPerSecond = 200, streams = 4 }: GoodClientOptions = {},
): LocalGoodClient {
  const client = assetClient(address, { authority: goodAuthority });
  let times: number[] = [];
  let failures = 0;
  let firstFailure = '';
  let isStopping = false;
  const running = new Set<Promise<void>>();
  const fail = (error: unknown): void => {
    if (isStopping) return;
    failures += 1;
    firstFailure ||= String(error);
  };
  const call = async (): Promise<void> => {
    const beganMs = performance.now();
    try {
      await client.unary('GetAsset', {}, { deadline: Date.now() + callDeadlineMs });
      times.push(performance.now() - beganMs);
    } catch (error) {
      fail(error);
    }
  };
  const beganMs = performance.now();
  let called = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - beganMs) / 1000) * callsPerSecond;
    for (; called < due; called += 1) {
      const one = call().finally(() => running.delete(one));
      running.add(one);
    }
  }, tickMs);
  const echoes = Array.from({ length: streams }, () => startEcho(client, fail));
  return {
    take: () => {
      const sorted = times.sort((a, b) => a - b);
      const quality = {
        calls: sorted.length + failures,
        failures,
        p50Ms: sorted[Math.floor(sorted.length / 2)] ?? 0,
        p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
        firstFailure,
      };
      times = [];
      failures = 0;
      firstFailure = '';
      return quality;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(running);
      isStopping = true;
      for (const stopEcho of echoes) stopEcho();
      client.close();
    },
  };
}

/** A bidirectional stream with a message each 100 ms; begun anew when it fails. */
function startEcho(client: AssetClient, fail: (error: unknown) => void): () => void {
  let stream: Message;
  let lastEchoMs = performance.now();
  let isStopped = false;
  let again: NodeJS.Timeout | undefined;
  const begin = (): void => {
    lastEchoMs = performance.now();
    stream = client.reconcile();
    stream.on('data', () => (lastEchoMs = performance.now()));
    stream.on('error', (error: unknown) => {
      fail(error);
      if (!isStopped) again = setTimeout(begin, echoEveryMs);
    });
  };
  begin();
  const timer = setInterval(() => {
    stream.write({ asset_id: 'echo' });
    if (performance.now() - lastEchoMs < echoDeadlineMs) return;
    lastEchoMs = performance.now();
    fail('a stream stands still');
  }, echoEveryMs);
  return () => {
    isStopped = true;
    clearInterval(timer);
    clearTimeout(again);
    stream.removeAllListeners('error');
    stream.on('error', () => undefined);
    stream.cancel();
  };
}
