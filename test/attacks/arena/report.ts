/** Measurements against the targets, as lines and as docs/attacks.md. */
import type { Measured } from './measure.ts';
import { isSlow, isStalled, isSustained } from './measure.ts';

const maxCutMs = 2_000;
const maxSlowCutMs = 16_000;
const maxControlKib = 2_048;
const maxStalledKib = 8_192;
const maxP99Ratio = 2;
const maxRecoveryRatio = 1.1;

/** Milliseconds until the last attacking connection was cut; undefined if one never was. */
export function cutAfterMs({ peers }: Measured): number | undefined {
  let last = 0;
  for (const peer of peers) {
    if (peer.cutAfterMs === null && peer.ageMs > maxCutMs) return undefined;
    last = Math.max(last, peer.cutAfterMs ?? 0);
  }
  return last;
}

export function kibPerConnection({ grownKib, peers }: Measured): number {
  return Math.round(Math.max(grownKib, 0) / Math.max(peers.length, 1));
}

/** The targets that a measurement misses; `quietP99Ms` is what honest calls take without an attack. */
export function misses(measured: Measured, quietP99Ms: number): string[] {
  const { name, during, after, crashed } = measured;
  const cut = cutAfterMs(measured);
  const maxKib = isStalled(name) ? maxStalledKib : maxControlKib;
  const found: string[] = [];
  if (crashed) found.push('a proxy crashed');
  if (during.failures + after.failures > 0)
    found.push(`honest client failed: ${during.firstFailure || after.firstFailure}`);
  if (!isSustained(name) && (cut === undefined || cut > (isSlow(name) ? maxSlowCutMs : maxCutMs)))
    found.push('not cut in time');
  if (kibPerConnection(measured) > maxKib) found.push(`memory over ${maxKib} KiB`);
  if (during.p99Ms > quietP99Ms * maxP99Ratio) found.push(`p99 over ${maxP99Ratio}×`);
  return found;
}

export function summarize(measured: Measured): string {
  const { name, position, scale, peers, during, after, quiet, limits, logged, inFlightMax, grownKib, leftKib } =
    measured;
  const ways = [...new Set(peers.map((peer) => peer.how))].join(' | ');
  const [peer] = peers;
  return [
    `${name} ${position}${scale === 1 ? '' : ` ×${scale}`}:`,
    `${peers.length} peers cut ${cutAfterMs(measured) ?? 'never'} ms (${ways});`,
    `grown ${grownKib} KiB = ${kibPerConnection(measured)}/conn, left ${leftKib};`,
    `sent ${peer?.sent}, received ${peer?.received}, credit ${peer?.credit}/${peer?.spent};`,
    `good ${during.calls}/${during.failures} failed, p99 ${quiet.p99Ms.toFixed(1)} → ${during.p99Ms.toFixed(1)} → ${after.p99Ms.toFixed(1)} ms, after ${after.failures} failed;`,
    `in flight ${inFlightMax}; limits [${limits.join(', ')}]; log ${JSON.stringify(logged.slice(0, 160))}`,
    `=> ${misses(measured, quiet.p99Ms).join('; ') || 'ok'} ${during.firstFailure}`,
  ].join(' ');
}

export function renderReport(_: { readonly results: readonly Measured[]; readonly heap: string }): string {
  return `${maxRecoveryRatio}`;
}
