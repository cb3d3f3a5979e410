/**
 * Calls to the evil workload: what makes its sidecar talk to it. Uploads 128 KiB in each, on Node's own HTTP/2 client, in a
 * process of its own, which `trigger-start.ts` starts with the gateway's `HOST:PORT`; it begins with the first line of input.
 */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { evilAuthority } from './authorities.ts';

const streams = 100;
const uploadBytes = 131_072;
const maxCalls = 600;
/** Calls that fail at once are begun anew, but not faster than this. */
const againMs = 100;

process.stdout.write('prepared\n');
await once(process.stdin, 'data');
const session = connect(`http://${process.argv[2]}`);
session.on('error', () => undefined);
let left = maxCalls;
for (let index = 0; index < streams; index += 1) call();

/** 100 are open at any time, and those that fail are begun anew (at most 600 in all). */
function call(): void {
  if (left === 0 || session.destroyed || session.closed) return;
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
  stream.on('close', () => setTimeout(call, againMs));
}
