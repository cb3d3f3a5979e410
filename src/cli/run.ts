import { keepNurserySmall, MeshStartError, startMesh, type Mesh, type MeshOptions } from '../app/index.ts';
import { exitCode, signalExitCode } from './exit-codes.ts';
import { runCommand } from './run-command.ts';
import { RunReport, say } from './run-report.ts';
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

/** `sallyport run`: serves until it is told to stop, or until the command after `--` has ended. */
export async function runVerb(command: readonly string[], parsed: unknown): Promise<number> {
  const options = parsed as RunOptions;
  return explainMistakes(async () => {
    const settings = readSettings(options);
    requirePaths(settings.paths);
    const workers = number(options.workers, { name: '--workers', min: 1, max: 64 });
    const graceMs = number(options.grace, { name: '--grace', max: 86_400 }) * 1000;
    keepNurserySmall();
    const report = new RunReport();
    const mesh = await startMeshOrExplain({
      ...settings,
      version: packageVersion(),
      stateDir: options.stateDir,
      adminPort: number(options.adminPort, { name: '--admin-port', max: 65_535 }),
      accessLog: accessLogFormat(options.accessLog),
      workers,
      onEvent: (event) => report.onEvent(event),
    });
    if (mesh === undefined) return exitCode.failure;
    return await serve(mesh, { command, graceMs, isWatching: !settings.paths.includes('-'), report });
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

interface RunOf {
  readonly command: readonly string[];
  readonly graceMs: number;
  /** False for manifests from standard input, which cannot change any more. */
  readonly isWatching: boolean;
  readonly report: RunReport;
}

/** Until the first signal, or the end of the command; the exit code. */
async function serve(mesh: Mesh, run: RunOf): Promise<number> {
  const { command, isWatching, report } = run;
  const stopped = untilStopped(mesh, run);
  const first = await Promise.race([mesh.ready, stopped]);
  if (first !== undefined) return first;
  const isEmpty = Object.keys(mesh.state().result.plan.proxies).length === 0;
  if (isEmpty && (!isWatching || command.length > 0)) {
    mesh.kill();
    throw new InputError(nothingToServe);
  }
  if (isEmpty) report.waiting(mesh, nothingToServe);
  // Nobody pastes a call while a command runs, and the command should not wait for one to be found.
  else report.ready(mesh, command.length === 0 ? await suggestCall(mesh) : undefined);
  if (command.length === 0) return stopped;
  const code = await Promise.race([runCommand(command, mesh), stopped]);
  await mesh.stop(run.graceMs);
  return code;
}

/** Resolves with the exit code once the mesh has stopped because of a signal. */
function untilStopped(mesh: Mesh, { command, graceMs }: RunOf): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) {
        say('Stopped at once.\n');
        mesh.kill();
        resolve(signalExitCode(signal));
        return;
      }
      stopping = true;
      const again = signal === 'SIGINT' ? 'Ctrl-C' : signal;
      say(`\nDraining: calls in flight may take ${graceMs / 1000} s; ${again} again stops at once.\n`);
      void mesh.stop(graceMs).then(() => resolve(command.length === 0 ? exitCode.ok : signalExitCode(signal)));
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGUSR2', () => {
      if (stopping) return;
      say('Handing over: new proxy processes take the place of the old ones.\n');
      void mesh.handOver(graceMs).then((isWhole) => {
        // Whoever stops says so, and why a proxy was not handed over has been told.
        if (!stopping) say(isWhole ? 'Handed over.\n' : 'Not all was handed over.\n');
      });
    });
  });
}

const nothingToServe = 'Nothing to serve: no Gateway in the manifests, and no workload placed by --workload or --exec';

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
