/** One attack from one position: what it did to the proxies and to the honest client beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareAttack, type AttackerPeer, type Position } from './attacker.ts';
import type { GoodClient, Quality } from './good-client.ts';
import type { Placement } from './processors.ts';
import { residentKib, type AttackTarget } from './target.ts';
import { prepareTrigger } from './trigger-start.ts';

export interface Measured {
  readonly name: string;
  readonly position: Position;
  /** Of the usual amount of bytes. */
  readonly scale: number;
  readonly peers: readonly AttackerPeer[];
  /** Memory before, of the proxy that grew most. */
  readonly beforeKib: number;
  /** Its growth while the attack ran. */
  readonly grownKib: number;
  /** The most that any proxy had while the attack ran, with all that came before it. */
  readonly peakKib: number;
  /** Growth of that proxy a second after the attack. */
  readonly leftKib: number;
  /** Just before the attack. */
  readonly quiet: Quality;
  /** From its beginning to its end, or longer. */
  readonly during: Quality;
  /** Right after it. */
  readonly after: Quality;
  /** `sallyport_limits_acted_total` that grew. */
  readonly limits: readonly string[];
  readonly inFlightMax: number;
  /** A proxy died. */
  readonly crashed: boolean;
}

export interface MeasureOptions {
  readonly name: string;
  readonly position: Position;
  readonly scale: number;
  readonly mesh: AttackTarget;
  readonly good: GoodClient;
  readonly evilPort: number;
  readonly placement: Placement;
}

const connections = 10;
const sampleMs = 100;
const quietMs = 1_500;
/** Attackers that are cut at once are still measured for this long, so that a p99 is one of hundreds of calls. */
const duringMs = 1_500;
const afterMs = 800;

/** Attacks whose connections may stay open because nothing they do is forbidden; what they hold is bounded instead. */
const sustained = ['A01 slow', 'A04 bomb-within', 'A12', 'A13 unread', 'A15', 'A16 negative', 'A18', 'A24', 'A25'];
/** Backends that spoil each answer: as many as were asked for, each for the one who asked, so most are not cut. */
const spoiling = ['A02', 'A04', 'A05', 'A11', 'A19', 'A21 trailers'];
/** What they hold grows with what they send, unless something bounds it. */
const growing = ['A04 bomb-within', 'A12', 'A13 unread', 'A18'];
/** Attacks with large data in windows that the protocol grants. */
const stalled = ['A06', 'A12', 'A13', 'A18'];

export function isSustained(name: string, position: Position): boolean {
  const list = position === 'backend' ? [...sustained, ...spoiling] : sustained;
  return list.some((part) => name.startsWith(part));
}

/** Whether it is worth while to run it with ten times the bytes. */
export function isGrowing(name: string): boolean {
  return growing.some((part) => name.startsWith(part));
}

export function isStalled(name: string): boolean {
  return stalled.some((part) => name.startsWith(part));
}

/** Slow openings have as long as a slow network may need. */
export function isSlow(name: string): boolean {
  return name.startsWith('A17');
}

function secondsOf(name: string): number {
  if (isSlow(name)) return 17;
  // So long that all windows are full, which is the most that there can be, on a slow machine too.
  if (name.startsWith('A12')) return 6;
  return 3;
}

function connectionsOf(name: string, position: Position): number {
  if (position === 'backend') return 1;
  return isSlow(name) || name.startsWith('A24') ? 300 : connections;
}

export async function measure(options: MeasureOptions): Promise<Measured> {
  const { name, position, scale, mesh, good, evilPort, placement } = options;
  const count = connectionsOf(name, position);
  // What is asked of control costs the proxies some milliseconds and new processes cost the honest client some, so that
  // nothing of it is in a window.
  const prepared = await prepareAttack({
    ...{ name, position, scale, connections: count, seconds: secondsOf(name), port: evilPort, placement },
    target: position === 'mesh' ? mesh.sidecar : mesh.gateway,
    ...(position === 'mesh' ? { certFile: mesh.certFile, keyFile: mesh.keyFile } : {}),
  });
  const trigger = position === 'backend' ? await prepareTrigger(mesh.gateway, placement) : undefined;
  const limitsBefore = await mesh.limitsActed();
  const logFrom = mesh.log().length;
  await mesh.backendCounts({ reset: true });
  const before = resident(mesh);
  await good.take();
  await sleep(quietMs);
  const quiet = await good.take();
  const samples: number[][] = [];
  const timer = setInterval(() => samples.push(resident(mesh)), sampleMs);
  const beganMs = performance.now();
  const attacker = await prepared.begin();
  trigger?.begin();
  const peers = await attacker.ended;
  trigger?.stop();
  await sleep(Math.max(0, beganMs + duringMs - performance.now()));
  const during = await good.take();
  await sleep(afterMs);
  clearInterval(timer);
  const after = await good.take();
  const counts = await mesh.backendCounts();
  const end = resident(mesh);
  const limitsAfter = await mesh.limitsActed();
  const grown = before.map((kib, index) => Math.max(...samples.map((sample) => sample[index] ?? 0)) - kib);
  const left = before.map((kib, index) => (end[index] ?? 0) - kib);
  const log = mesh.log().slice(logFrom);
  return {
    ...{ name, position, scale, peers, quiet, during, after },
    beforeKib: before[grown.indexOf(Math.max(...grown))] ?? 0,
    grownKib: Math.max(...grown),
    peakKib: Math.max(...samples.flat()),
    leftKib: Math.max(...left),
    limits: Object.keys(limitsAfter).filter((limit) => (limitsAfter[limit] ?? 0) > (limitsBefore[limit] ?? 0)),
    inFlightMax: counts.inFlightMax,
    crashed: end.includes(0) || /ended unexpectedly|restart/i.test(log),
  };
}

function resident(mesh: AttackTarget): number[] {
  return Object.values(mesh.pids).map((pid) => {
    try {
      return residentKib(pid);
    } catch {
      return 0;
    }
  });
}
