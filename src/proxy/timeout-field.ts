// Hot file: once per request with a deadline.
import { formatGrpcTimeout } from '../grpc/index.ts';
import { headerName, transientField, type Field } from '../http2/index.ts';

const timeoutName = headerName('grpc-timeout');

/** From here on milliseconds are fine enough: they are cut, by less than a hundredth. Above, they would not fit into 8 digits. */
const coarseFromMs = 100;
const coarseBelowMs = 100_000_000;

/** Fields made last, by their milliseconds: most deadlines of a client are the same, and so is what is left of them. */
const slots = 256;
const madeMs = new Int32Array(slots);
const made: (Field | undefined)[] = Array.from<undefined>({ length: slots });

/** `grpc-timeout` for the next hop: what is left, cut and never rounded up. */
export function timeoutField(leftMs: number): Field {
  if (!(leftMs >= coarseFromMs && leftMs < coarseBelowMs))
    return transientField(timeoutName, formatGrpcTimeout(leftMs));
  const wholeMs = Math.floor(leftMs);
  const slot = wholeMs % slots;
  const known = made[slot];
  if (known !== undefined && madeMs[slot] === wholeMs) return known;
  const field = transientField(timeoutName, `${wholeMs}m`);
  madeMs[slot] = wholeMs;
  made[slot] = field;
  return field;
}
