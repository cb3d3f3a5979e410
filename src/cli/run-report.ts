import { compareDiagnostics, type Diagnostic } from '../base/index.ts';
import type { Mesh, MeshEvent } from '../app/index.ts';
import { diffPlans, type Plan, type PlanCollection } from '../plan/index.ts';
import { countFindings, formatFindings, wantsColour } from './findings.ts';
import { formatGateways, formatMesh } from './run-tables.ts';

const collectionWords: Readonly<Record<PlanCollection, string>> = {
  proxies: 'proxies',
  ports: 'ports',
  certificates: 'certificates',
  listeners: 'listeners',
  virtualHosts: 'hosts',
  clusters: 'clusters',
  endpoints: 'endpoints',
  routes: 'routes',
  policies: 'policies',
  requestAuthentications: 'request authentications',
  peers: 'peers',
};

/** Says on standard error what happens in a run, each thing once; standard output belongs to the access log. */
export class RunReport {
  readonly #colour = wantsColour(process.stderr);
  #shownFindings = new Set<string>();
  #keptShown = '';
  #settledBefore = false;
  #changed = false;
  #plan: Plan | undefined;
  /** Once it is ready. */
  #mesh: Mesh | undefined;
  #shownGateways = '';
  readonly #shownBindFailures = new Map<string, string>();
  #shownAdded: ReadonlySet<string> = new Set();

  /** The tables of what runs where; `call` is one to try. */
  ready(mesh: Mesh, call: string | undefined): void {
    this.#mesh = mesh;
    const { plan } = mesh.state().result;
    this.#shownGateways = formatGateways(plan, mesh.addresses());
    say(`\n${formatMesh(plan, mesh.addresses(), { columns: process.stderr.columns, unready: mesh.unready() })}\n`);
    const unbound = Object.values(plan.listeners).filter(({ port }) => !mesh.addresses().has(port)).length;
    const but =
      unbound === 0 ? '' : `, but ${unbound} of the listeners above ${unbound === 1 ? 'is' : 'are'} not bound`;
    say(`Ready${but}. Admin pages on http://${mesh.adminAddress}; Ctrl-C stops.\n`);
    if (call !== undefined) say(`Try:\n  ${call}\n`);
  }

  /** Nothing runs yet, and the files may still change. */
  waiting(mesh: Mesh, why: string): void {
    this.#mesh = mesh;
    say(`${why}; waiting for the files to change. Ctrl-C stops.\n`);
  }

  onEvent(event: MeshEvent): void {
    if (event.type === 'compiled') {
      this.#changed ||= event.state.manifestsChanged;
      // What was supplied has a list of its own, shorter than findings would be.
      this.#showFindings(event.state.diagnostics.filter(({ code }) => !code.startsWith('SP05')));
      this.#showKept(event.state.kept);
      this.#showAdded(event.state.result.added);
    } else if (event.type === 'settled') {
      if (this.#settledBefore && this.#changed) this.#sayApplied(event.plan);
      this.#showNewGateways(event.plan);
      this.#plan = event.plan;
      this.#settledBefore = true;
      this.#changed = false;
    } else if (event.type === 'workload-health') sayHealth(event.news);
    else if (event.type === 'name-failed')
      say(`${event.name} cannot be looked up (${event.message}): endpoints of that name are not used; tried again\n`);
    else if (event.type === 'workload-line') say(`[${event.workload}] ${event.line}\n`);
    else if (event.type === 'workload-exit')
      say(`[${event.workload}] ended (${event.description}); starts again in ${event.restartInMs} ms\n`);
    else if (event.type === 'workload-waiting')
      say(
        `[${event.workload}] does not listen on ${event.address} yet: the command is told this address by HOST and PORT\n`,
      );
    else if (event.event.type === 'bind-failed') this.#sayBindFailed(event.event);
    else sayProxyEvent(event.event);
  }

  /** Each new plan tries again; the same failure is said once. */
  #sayBindFailed({ proxy, port, message }: Extract<ProxyEvent, { type: 'bind-failed' }>): void {
    if (this.#shownBindFailures.get(port) !== message)
      say(`[${proxy}] ${message}\n  Stop what holds the port, or run with --free-ports.\n`);
    this.#shownBindFailures.set(port, message);
  }

  /** What the change came to, so that a save which had no effect shows at once. */
  #sayApplied(plan: Plan): void {
    const diff = this.#plan === undefined ? undefined : diffPlans(this.#plan, plan);
    const parts = Object.entries(diff?.collections ?? {}).map(([collection, { added, removed, changed }]) => {
      const counts = [
        added.length === 0 ? '' : `+${added.length}`,
        removed.length === 0 ? '' : `-${removed.length}`,
        changed.length === 0 ? '' : `~${changed.length}`,
      ];
      return `${collectionWords[collection as PlanCollection]} ${counts.filter((count) => count !== '').join(' ')}`;
    });
    // A broken file that changes nothing has been said to stay as it was.
    if (parts.length === 0 && this.#keptShown !== '') return;
    say(`Applied. ${parts.length === 0 ? 'Nothing changed for the traffic' : parts.join(', ')}.\n`);
  }

  /** Where gateways listen is said again when it has changed: a new one's address is not in the YAML. */
  #showNewGateways(plan: Plan): void {
    if (this.#mesh === undefined) return;
    const gateways = formatGateways(plan, this.#mesh.addresses());
    if (gateways !== this.#shownGateways)
      say(formatGateways(plan, this.#mesh.addresses(), { columns: process.stderr.columns }));
    this.#shownGateways = gateways;
  }

  /** Only what was not there before: a change elsewhere must not repeat the whole list. */
  #showFindings(diagnostics: readonly Diagnostic[]): void {
    const present = new Map(
      diagnostics.map((diagnostic) => [formatFindings([diagnostic], { colour: false }), diagnostic]),
    );
    const fresh = [...present].filter(([text]) => !this.#shownFindings.has(text)).map(([, diagnostic]) => diagnostic);
    const gone = [...this.#shownFindings].filter((text) => !present.has(text)).length;
    this.#shownFindings = new Set(present.keys());
    say(formatFindings(fresh.sort(compareDiagnostics), { colour: this.#colour }));
    if (gone > 0) say(`${gone} finding${gone === 1 ? '' : 's'} mended; ${countFindings(diagnostics) || 'none'} left\n`);
  }

  #showKept(kept: readonly string[]): void {
    const text = kept.map((file) => `${file} has errors: its last good version stays in force\n`).join('');
    if (text !== this.#keptShown) say(text);
    this.#keptShown = text;
  }

  #showAdded(
    added: readonly {
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
      readonly why: string;
    }[],
  ): void {
    const lines = added.map(
      ({ kind, namespace, name, why }) => `Added ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}: ${why}\n`,
    );
    say(lines.filter((line) => !this.#shownAdded.has(line)).join(''));
    this.#shownAdded = new Set(lines);
  }
}

type ProxyEvent = Extract<MeshEvent, { type: 'proxy' }>['event'];

function sayProxyEvent(event: Exclude<ProxyEvent, { type: 'bind-failed' }>): void {
  if (event.type === 'exit')
    say(`[${event.proxy}] ended (${event.description}); starts again in ${Math.round(event.restartInMs)} ms\n`);
  else if (event.type === 'log') say(`[${event.proxy}] ${event.line}\n`);
  else if (event.type === 'bound-elsewhere')
    say(`[${event.proxy}] port ${event.wanted} may not be bound or is taken: listening on ${event.got} instead\n`);
  else say(`[${event.proxy}] ${event.message}\n`);
}

function sayHealth({ workload, isReady, reason }: Extract<MeshEvent, { type: 'workload-health' }>['news']): void {
  say(`[${workload}] ${isReady ? 'is ready again' : `is not ready and gets no calls: ${reason}`}\n`);
}

/** For people; nothing for an empty text. */
export function say(text: string): void {
  if (text !== '') process.stderr.write(text);
}
