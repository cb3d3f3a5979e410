import { existsSync } from 'node:fs';
import type { LimitSettings } from '../app/index.ts';
import type { CompileOptions, WorkloadBinding } from '../compile/index.ts';
import { checkTrustDomain, findPemFault } from '../identity/index.ts';
import { ConfigFileError, readConfigFile } from './config-file.ts';
import { exitCode } from './exit-codes.ts';
import { parseExecFlag, parseWorkloadFlag, type WorkloadSetting } from './workload-flag.ts';

/** The options of every verb that reads manifests, as the option parser gives them. */
export interface ManifestOptions {
  readonly filename: readonly string[];
  readonly gatewayClass?: string;
  readonly addMissing: boolean;
  readonly trustDomain: string;
  readonly rootNamespace: string;
  readonly workload: readonly string[];
  readonly exec?: readonly string[];
  readonly config?: string;
  readonly freePorts?: boolean;
  readonly reflection?: boolean;
}

export interface Settings {
  /** What `-f` names, or the configuration file. */
  readonly paths: readonly string[];
  readonly workloads: readonly WorkloadSetting[];
  readonly limits: LimitSettings;
  readonly compile: CompileOptions;
}

/** A mistake in the arguments: printed with the way to help, exit code 64. */
export class UsageError extends Error {}

/** What the arguments name cannot be used: printed as it is, exit code 65. */
export class InputError extends Error {}

/** Brings flags and `sallyport.yaml` together; flags win. @throws UsageError, ConfigFileError */
export function readSettings(options: ManifestOptions): Settings {
  const trustDomainError = checkTrustDomain(options.trustDomain);
  if (trustDomainError !== undefined) throw new UsageError(`--trust-domain: ${trustDomainError}`);
  const config = readConfigFile(options.config);
  const paths = options.filename.length > 0 ? options.filename : (config?.manifests ?? []);
  if (paths.length === 0)
    throw new UsageError('no manifests: name them with -f PATH, or list them under `manifests` in sallyport.yaml');

  const workloads = new Map<string, WorkloadSetting>();
  for (const setting of config?.workloads ?? []) workloads.set(`${setting.namespace}/${setting.name}`, setting);
  for (const flag of options.workload) {
    const setting = parseWorkloadFlag(flag);
    if (setting === undefined)
      throw new UsageError(
        `--workload ${flag}: expected [NAMESPACE/]NAME=HOST:PORT, for example default/web=127.0.0.1:50051`,
      );
    workloads.set(`${setting.namespace}/${setting.name}`, setting);
  }
  for (const flag of options.exec ?? []) {
    const setting = parseExecFlag(flag, process.cwd());
    if (setting === undefined)
      throw new UsageError(
        `--exec ${flag}: expected [NAMESPACE/]NAME=COMMAND, for example default/web='node server.js'`,
      );
    const key = `${setting.namespace}/${setting.name}`;
    const address = workloads.get(key)?.address;
    workloads.set(key, address === undefined ? setting : { ...setting, address });
  }

  return {
    paths,
    workloads: [...workloads.values()],
    limits: config?.limits ?? {},
    compile: {
      trustDomain: options.trustDomain,
      rootNamespace: options.rootNamespace,
      ...(options.gatewayClass === undefined ? {} : { gatewayClass: options.gatewayClass }),
      addMissing: options.addMissing,
      bindHost: '127.0.0.1',
      freePorts: options.freePorts ?? false,
      outbound: true,
      reflection: options.reflection ?? true,
      findPemFault,
    },
  };
}

/**
 * Bindings for a compilation that runs nothing. A workload that would be started is taken to be there, at a port that
 * stands for the one it would be given.
 */
export function paperBindings(workloads: readonly WorkloadSetting[]): WorkloadBinding[] {
  const portNotKnownYet = 1;
  return workloads.map(({ namespace, name, origin, address }) => ({
    namespace,
    name,
    origin,
    addresses: [
      address === undefined
        ? { host: '127.0.0.1', portNumber: portNotKnownYet }
        : { host: address.host, portNumber: address.port },
    ],
  }));
}

/** A path on the command line that does not exist is a slip of the finger: nothing is gained by going on. @throws InputError */
export function requirePaths(paths: readonly string[]): void {
  const missing = paths.filter((path) => path !== '-' && !existsSync(path));
  if (missing.length > 0) throw new InputError(`no such file or directory: ${missing.join(', ')}`);
}

/**
 * Runs a verb. A mistake in arguments or configuration becomes one line on standard error and the exit code for it: 64 for
 * arguments, 65 for files.
 */
export async function explainMistakes(verb: () => Promise<number>): Promise<number> {
  try {
    return await verb();
  } catch (error) {
    const isInput = error instanceof InputError || error instanceof ConfigFileError;
    if (!isInput && !(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return isInput ? exitCode.badInput : exitCode.usage;
  }
}
