import { spawn } from 'node:child_process';
import { compareDiagnostics, type Diagnostic } from '../base/index.ts';
import { MeshStartError, startMesh, type Mesh, type MeshEvent } from '../app/index.ts';
import { diffPlans, type Plan, type PlanCollection } from '../plan/index.ts';
import { exitCode } from './exit-codes.ts';
import { countFindings, formatFindings, wantsColour } from './findings.ts';
import { formatMesh } from './run-tables.ts';
import { suggestCall } from './suggest-call.ts';
import { explainUsage, readSettings, UsageError, type ManifestOptions } from './settings.ts';

interface RunOptions extends ManifestOptions {
  readonly stateDir: string;
  readonly adminPort: string;
  readonly accessLog: string;
  readonly grace: string;
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
  peers: 'peers',
};

/** `sallyport run`: serves until it is told to stop, or until the command after `--` has ended. */
export async function runVerb(command: readonly string[], parsed: unknown): Promise<number> {
  const options = parsed as RunOptions;
  try {
    const settings = readSettings(options);
    const session = new RunSession({
      command,
      graceMs: number(options.grace, { name: '--grace', max: 86_400 }) * 1000,
    });
    const mesh = await startMesh({
      ...settings,
      stateDir: options.stateDir,
      adminPort: number(options.adminPort, { name: '--admin-port', max: 65_535 }),
      accessLog: accessLogFormat(options.accessLog),
      onEvent: (event) => session.onEvent(event),
    });
    return await session.run(mesh);
  } catch (error) {
    if (error instanceof MeshStartError) {
      say(`${error.message}\n`);
      return exitCode.failure;
    }
    const usage = explainUsage(error);
    if (usage === undefined) throw error;
    say(usage);
    return exitCode.usage;
  }
}

/** One run: prints what happens, reacts to signals, runs the command. */
class RunSession {
  readonly #command: readonly string[];
  readonly #graceMs: number;
  readonly #colour = wantsColour(process.stderr);
  #shownFindings = new Set<string>();
  #keptShown = '';
  #settledBefore = false;
  #changed = false;
  #plan: Plan | undefined;

  constructor({ command, graceMs }: { readonly command: readonly string[]; readonly graceMs: number }) {
    this.#command = command;
    this.#graceMs = graceMs;
  }

  async run(mesh: Mesh): Promise<number> {
    const stopped = this.#untilSignal(mesh);
    const first = await Promise.race([mesh.ready, stopped]);
    if (first !== undefined) return first;
    const call = await suggestCall(mesh);
    say(`\n${formatMesh(mesh.state().result.plan, mesh.addresses())}\n`);
    say(`Ready. Admin pages on http://${mesh.adminAddress}; Ctrl-C stops.\n`);
    if (call !== undefined) say(`Try:\n  ${call}\n`);
    if (this.#command.length === 0) return stopped;
    const code = await Promise.race([runCommand(this.#command, mesh), stopped]);
    await mesh.stop(this.#graceMs);
    return code;
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
      this.#plan = event.plan;
      this.#settledBefore = true;
      this.#changed = false;
    } else if (event.type === 'workload-line') say(`[${event.workload}] ${event.line}\n`);
    else if (event.type === 'workload-exit')
      say(`[${event.workload}] ended (${event.description}); starts again in ${event.restartInMs} ms\n`);
    else sayProxyEvent(event.event);
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
    say(`Applied. ${parts.length === 0 ? 'Nothing changed for the traffic' : parts.join(', ')}.\n`);
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
    if (this.#settledBefore) return;
    for (const { kind, namespace, name, why } of added)
      say(`Added ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}: ${why}\n`);
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
        say(`\nDraining: calls in flight may take ${this.#graceMs / 1000} s; ${signal} again stops at once.\n`);
        void mesh
          .stop(this.#graceMs)
          .then(() => resolve(this.#command.length === 0 ? exitCode.ok : signalExitCode(signal)));
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
    });
  }
}

function sayProxyEvent(event: Extract<MeshEvent, { type: 'proxy' }>['event']): void {
  if (event.type === 'exit')
    say(`[${event.proxy}] ended (${event.description}); starts again in ${Math.round(event.restartInMs)} ms\n`);
  else if (event.type === 'log') say(`[${event.proxy}] ${event.line}\n`);
  else if (event.type === 'bound-elsewhere')
    say(`[${event.proxy}] port ${event.wanted} may not be bound or is taken: listening on ${event.got} instead\n`);
  else say(`[${event.proxy}] ${event.message}\n`);
}

/** Runs the command with the addresses of the mesh in its environment. Resolves with its exit code. */
function runCommand(command: readonly string[], mesh: Mesh): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...meshEnvironment(mesh) } });
    child.on('error', (error) => {
      say(`${program}: ${error.message}\n`);
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? exitCode.failure : signalExitCode(signal))));
  });
}

/** `SALLYPORT_<GATEWAY>_<LISTENER>=HOST:PORT` for each listener, and `SALLYPORT_ADMIN`. */
function meshEnvironment(mesh: Mesh): Record<string, string> {
  const { plan } = mesh.state().result;
  const environment: Record<string, string> = { SALLYPORT_ADMIN: mesh.adminAddress };
  for (const listener of Object.values(plan.listeners)) {
    const proxy = plan.proxies[plan.ports[listener.port]?.proxy ?? ''];
    const address = mesh.addresses().get(listener.port);
    if (proxy?.role !== 'gateway' || address === undefined) continue;
    const gateway = proxy.id.split('/').at(-1) ?? '';
    environment[`SALLYPORT_${gateway}_${listener.name}`.toUpperCase().replace(/[^A-Z0-9]/g, '_')] = address;
  }
  return environment;
}

function number(text: string, { name, max }: { readonly name: string; readonly max: number }): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new UsageError(`${name} ${text}: expected a number from 0 to ${max}`);
  return value;
}

function accessLogFormat(text: string): 'text' | 'json' | 'off' {
  if (text === 'text' || text === 'json' || text === 'off') return text;
  throw new UsageError(`--access-log ${text}: expected text, json or off`);
}

function signalExitCode(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? 130 : 143;
}

function say(text: string): void {
  if (text !== '') process.stderr.write(text);
}
