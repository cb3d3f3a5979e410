import { compareDiagnostics, type Diagnostic } from '../base/index.ts';
import { MeshStartError, startMesh, type Mesh, type MeshEvent, type MeshOptions } from '../app/index.ts';
import { diffPlans, type Plan, type PlanCollection } from '../plan/index.ts';
import { exitCode, signalExitCode } from './exit-codes.ts';
import { countFindings, formatFindings, wantsColour } from './findings.ts';
import { runCommand } from './run-command.ts';
import { formatGateways, formatMesh } from './run-tables.ts';
import { packageVersion } from './version.ts';
import { suggestCall } from './suggest-call.ts';
import {
  explainMistakes,
  InputError,
  readSettings,
  requirePaths,
  UsageError,
  type ManifestOptions,
} from './settings.ts';

interface RunOptions extends ManifestOptions {
  readonly stateDir: string;
  readonly adminPort: string;
  readonly accessLog: string;
  readonly grace: string;
  readonly workers: string;
}

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

/** `sallyport run`: serves until it is told to stop, or until the command after `--` has ended. */
export async function runVerb(command: readonly string[], parsed: unknown): Promise<number> {
  const options = parsed as RunOptions;
  return explainMistakes(async () => {
    const settings = readSettings(options);
    requirePaths(settings.paths);
    const workers = number(options.workers, { name: '--workers', min: 1, max: 64 });
    const session = new RunSession({
      command,
      isWatching: !settings.paths.includes('-'),
      graceMs: number(options.grace, { name: '--grace', max: 86_400 }) * 1000,
      workers,
    });
    const mesh = await startMeshOrExplain({
      ...settings,
      version: packageVersion(),
      stateDir: options.stateDir,
      adminPort: number(options.adminPort, { name: '--admin-port', max: 65_535 }),
      accessLog: accessLogFormat(options.accessLog),
      workers,
      onEvent: (event) => session.onEvent(event),
    });
    return mesh === undefined ? exitCode.failure : await session.run(mesh);
  });
}

async function startMeshOrExplain(options: MeshOptions): Promise<Mesh | undefined> {
  try {
    return await startMesh(options);
  } catch (error) {
    if (!(error instanceof MeshStartError)) throw error;
    say(`${error.message}\n`);
    return undefined;
  }
}

interface SessionOptions {
  readonly command: readonly string[];
  readonly graceMs: number;
  readonly workers: number;
  /** False for manifests from standard input, which cannot change any more. */
  readonly isWatching: boolean;
}

/** One run: prints what happens, reacts to signals, runs the command. */
class RunSession {
  readonly #command: readonly string[];
  readonly #graceMs: number;
  readonly #workers: number;
  readonly #isWatching: boolean;
  readonly #colour = wantsColour(process.stderr);
  #shownFindings = new Set<string>();
  #keptShown = '';
  #settledBefore = false;
  #changed = false;
  #plan: Plan | undefined;
  #mesh: Mesh | undefined;
  #shownGateways = '';
  readonly #shownBindFailures = new Map<string, string>();
  #shownAdded: ReadonlySet<string> = new Set();

  constructor({ command, graceMs, workers, isWatching }: SessionOptions) {
    this.#workers = workers;
    this.#command = command;
    this.#graceMs = graceMs;
    this.#isWatching = isWatching;
  }

  async run(mesh: Mesh): Promise<number> {
    const stopped = this.#untilSignal(mesh);
    const first = await Promise.race([mesh.ready, stopped]);
    if (first !== undefined) return first;
    const { plan } = mesh.state().result;
    const isEmpty = Object.keys(plan.proxies).length === 0;
    if (isEmpty && (!this.#isWatching || this.#command.length > 0)) {
      mesh.kill();
      throw new InputError(nothingToServe);
    }
    if (isEmpty) say(`${nothingToServe}; waiting for the files to change. Ctrl-C stops.\n`);
    else await this.#sayReady(mesh);
    this.#mesh = mesh;
    if (this.#command.length === 0) return stopped;
    const code = await Promise.race([runCommand(this.#command, mesh), stopped]);
    await mesh.stop(this.#graceMs);
    return code;
  }

  async #sayReady(mesh: Mesh): Promise<void> {
    // Nobody pastes a call while a command runs, and the command should not wait for one to be found.
    const call = this.#command.length === 0 ? await suggestCall(mesh) : undefined;
    // Asked for after the wait: what settled meanwhile is in it.
    const { plan } = mesh.state().result;
    this.#shownGateways = formatGateways(plan, mesh.addresses());
    say(`\n${formatMesh(plan, mesh.addresses(), { columns: process.stderr.columns })}\n`);
    const unbound = Object.values(plan.listeners).filter(({ port }) => !mesh.addresses().has(port)).length;
    const but =
      unbound === 0 ? '' : `, but ${unbound} of the listeners above ${unbound === 1 ? 'is' : 'are'} not bound`;
    say(`Ready${but}. Admin pages on http://${mesh.adminAddress}; Ctrl-C stops.\n`);
    if (call !== undefined) say(`Try:\n  ${call}\n`);
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
    } else if (event.type === 'name-failed')
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

  /** Resolves with the exit code once the mesh has stopped because of a signal. */
  #untilSignal(mesh: Mesh): Promise<number> {
    return new Promise((resolve) => {
      let stopping = false;
      const onSignal = (signal: NodeJS.Signals) => {
        if (stopping) {
          say('Stopped at once.\n');
          mesh.kill();
          resolve(signalExitCode(signal));
          return;
        }
        stopping = true;
        say(
          `\nDraining: calls in flight may take ${this.#graceMs / 1000} s; ${signal === 'SIGINT' ? 'Ctrl-C' : signal} again stops at once.\n`,
        );
        void mesh
          .stop(this.#graceMs)
          .then(() => resolve(this.#command.length === 0 ? exitCode.ok : signalExitCode(signal)));
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
      process.on('SIGUSR2', () => {
        if (this.#workers > 1) say('Handing over: new proxy processes take the place of the old ones.\n');
        else say('Nothing is handed over: a port can only be shared with --workers 2 or more.\n');
        void mesh.handOver(this.#graceMs).then(() => this.#workers > 1 && say('Handed over.\n'));
      });
    });
  }
}

const nothingToServe = 'Nothing to serve: no Gateway in the manifests, and no workload placed by --workload or --exec';

type ProxyEvent = Extract<MeshEvent, { type: 'proxy' }>['event'];

function sayProxyEvent(event: Exclude<ProxyEvent, { type: 'bind-failed' }>): void {
  if (event.type === 'exit')
    say(`[${event.proxy}] ended (${event.description}); starts again in ${Math.round(event.restartInMs)} ms\n`);
  else if (event.type === 'log') say(`[${event.proxy}] ${event.line}\n`);
  else if (event.type === 'bound-elsewhere')
    say(`[${event.proxy}] port ${event.wanted} may not be bound or is taken: listening on ${event.got} instead\n`);
  else say(`[${event.proxy}] ${event.message}\n`);
}

function number(
  text: string,
  { name, min = 0, max }: { readonly name: string; readonly min?: number; readonly max: number },
): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new UsageError(`${name} ${text}: expected a number from ${min} to ${max}`);
  return value;
}

function accessLogFormat(text: string): 'text' | 'json' | 'off' {
  if (text === 'text' || text === 'json' || text === 'off') return text;
  throw new UsageError(`--access-log ${text}: expected text, json or off`);
}

function say(text: string): void {
  if (text !== '') process.stderr.write(text);
}
