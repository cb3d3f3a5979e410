/** A supervisor whose proxy processes only pretend, on a clock that the tests move. */
import assert from 'node:assert/strict';
import type { ListeningSocket } from '../../src/base/index.ts';
import type { ProxyChildEvents } from '../../src/app/fork-proxy.ts';
import type { ControlMessage } from '../../src/app/messages.ts';
import {
  createSupervisor,
  type ProxyEvent,
  type Supervisor,
  type SupervisorOptions,
} from '../../src/app/supervisor.ts';
import { CertificateAuthority } from '../../src/identity/index.ts';
import { applyPlanChange, unpackPlan, type Plan } from '../../src/plan/index.ts';
import { ManualTime } from './manual-time.ts';
import { gatewayId, smallPlan } from './small-plan.ts';

export const app = 'sidecar/default/app';
export const appPort = `${app}/50051`;
export const gatewayPort = `${gatewayId}/80`;

export class FakeChild {
  readonly pid: number;
  readonly proxyId: string;
  readonly received: ControlMessage[] = [];
  readonly plans: { readonly version: number; readonly slice: Plan; readonly keys: ReadonlyMap<string, string> }[] = [];
  readonly signals: string[] = [];
  readonly #events: ProxyChildEvents;

  constructor(proxyId: string, events: ProxyChildEvents, pid: number) {
    this.proxyId = proxyId;
    this.#events = events;
    this.pid = pid;
  }

  /** What it listens on, as it says when asked; undefined: it does not answer. */
  passes: ReadonlyMap<string, ListeningSocket> | undefined = new Map();
  readonly inherited = new Map<string, ListeningSocket | undefined>();

  /** Plans are kept whole, also those that are told by a change. */
  send(message: ControlMessage, socket?: ListeningSocket): void {
    this.received.push(message);
    if (message.type === 'listener') this.inherited.set(message.port, socket);
    if (message.type === 'pass-listeners' && this.passes !== undefined) {
      for (const [port, one] of this.passes) this.say({ type: 'listener', port }, one);
      this.say({ type: 'listeners-passed' });
    }
    if (message.type === 'plan') this.plans.push({ ...message, slice: unpackPlan(message.slice) });
    if (message.type !== 'plan-change') return;
    const { version, change, keys } = message;
    const current = this.plans.at(-1)?.slice;
    assert.ok(current, 'a change follows a whole plan');
    this.plans.push({ version, slice: change === undefined ? current : applyPlanChange(current, change), keys });
  }

  kill(signal: string): void {
    this.signals.push(signal);
  }

  say(message: unknown, socket?: ListeningSocket): void {
    this.#events.onMessage(message, socket);
  }

  exit(description: string): void {
    this.#events.onExit(description);
  }

  of<T extends ControlMessage['type']>(type: T): Extract<ControlMessage, { type: T }>[] {
    return this.received.filter((message): message is Extract<ControlMessage, { type: T }> => message.type === type);
  }

  /** Acts as a proxy that could do all that the newest plan asks. */
  comply(firstPort = 40_000): void {
    const plan = this.plans.at(-1);
    assert.ok(plan);
    for (const [index, port] of Object.values(plan.slice.ports).entries()) {
      const number = port.bind.port === 0 ? firstPort + index : port.bind.port;
      this.say({ type: 'listening', port: port.id, host: '127.0.0.1', number });
    }
    this.say({ type: 'applied', version: plan.version });
  }
}

export interface Stage {
  readonly time: ManualTime;
  readonly children: FakeChild[];
  readonly events: ProxyEvent[];
  readonly listening: string[];
  readonly supervisor: Supervisor;
  readonly settledCount: () => number;
  /** The newest process of a proxy. */
  readonly child: (proxyId: string) => FakeChild;
}

let made: Promise<CertificateAuthority> | undefined;
let rootPem = '';

/** Made when the first certificate is asked for. */
const authority: SupervisorOptions['authority'] = {
  issue: async (request) => {
    made ??= CertificateAuthority.ephemeral();
    const ready = await made;
    rootPem = ready.rootPem;
    return ready.issue(request);
  },
  get rootPem() {
    return rootPem;
  },
};

export function stage(plan: Plan | undefined = smallPlan(['app']), { workers = 1 } = {}): Stage {
  const time = new ManualTime();
  const children: FakeChild[] = [];
  const events: ProxyEvent[] = [];
  const listening: string[] = [];
  let settledCount = 0;
  const supervisor = createSupervisor({
    authority,
    trustDomain: 'cluster.local',
    accessLog: 'off',
    workers,
    onListening: (portId, address) => listening.push(`${portId} ${address === undefined ? '-' : address.port}`),
    onEvent: (event) => events.push(event),
    onSettled: () => (settledCount += 1),
    fork: (proxyId, childEvents) => {
      const child = new FakeChild(proxyId, childEvents, 100 + children.length);
      children.push(child);
      return child;
    },
    clock: time,
    random: () => 1,
    schedule: time.schedule,
  });
  supervisor.publish(plan, keys);
  const child = (proxyId: string): FakeChild => {
    const found = children.findLast((one) => one.proxyId === proxyId);
    assert.ok(found);
    return found;
  };
  return { time, children, events, listening, supervisor, settledCount: () => settledCount, child };
}

export const keys = new Map([
  ['cert/gateway/tls', { reveal: () => 'GATEWAY KEY' }],
  ['cert/other', { reveal: () => 'OTHER KEY' }],
]);

export function complyAll({ children, time }: Stage): void {
  for (const [index, child] of children.entries()) child.comply(40_000 + index * 10);
  time.advance(0);
}

/** What the last exit said about the restart. */
export function lastDelay({ events }: Stage): number {
  const delays = events.flatMap((event) => (event.type === 'exit' ? [event.restartInMs] : []));
  return delays.at(-1) ?? Number.NaN;
}

/** Counts how often it is closed. */
export function fakeSocket(): ListeningSocket & { readonly closed: () => number } {
  let closed = 0;
  return { close: () => void closed++, closed: () => closed };
}
