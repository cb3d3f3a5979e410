/** Calls to the evil workload: what makes its sidecar talk to it. Uploads 128 KiB in each, on Node's own HTTP/2 client. */
import { connect } from 'node:http2';
import { evilAuthority } from './mesh.ts';

const streams = 100;
const uploadBytes = 131_072;
const maxCalls = 600;
/** Calls that fail at once are begun anew, but not faster than this. */
const againMs = 100;

/** Keeps 100 calls open at the evil workload, and begins those anew that fail (at most 600 in all). */
export function startTrigger(gateway: string): () => void {
  const session = connect(`http://${gateway}`);
  session.on('error', () => undefined);
  const timers = new Set<NodeJS.Timeout>();
  let left = maxCalls;
  let isStopped = false;
  const call = (): void => {
    if (isStopped || left === 0 || session.destroyed || session.closed) return;
    left -= 1;
    const stream = session.request({
      ':method': 'POST',
      ':path': '/asset.AssetService/GetAsset',
      ':authority': evilAuthority,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    // Never read: what the evil backend sends stays in the proxies.
    stream.write(Buffer.alloc(uploadBytes));
    stream.on('close', () => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        call();
      }, againMs);
      timers.add(timer);
    });
  };
  for (let index = 0; index < streams; index += 1) call();
  return () => {
    isStopped = true;
    for (const timer of timers) clearTimeout(timer);
    session.destroy();
  };
}
