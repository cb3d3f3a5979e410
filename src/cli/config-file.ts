import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { findLimitFaults, type LimitSettings } from '../app/index.ts';
import type { Origin } from '../base/index.ts';
import { parseWorkloadAddress, type WorkloadSetting } from './workload-flag.ts';

/** What `sallyport.yaml` says: which manifests, where their workloads are on this machine, and which limits differ. */
export interface ConfigFile {
  readonly path: string;
  readonly manifests: readonly string[];
  readonly workloads: readonly WorkloadSetting[];
  readonly limits: LimitSettings;
}

/** A mistake in `sallyport.yaml`, with the place. */
export class ConfigFileError extends Error {}

const defaultConfigFileName = 'sallyport.yaml';

/**
 * Reads `sallyport.yaml`. `path` undefined: the one in the working directory, if there is one.
 *
 * ```yaml
 * manifests: [k8s]                      # relative to this file
 * workloads:
 *   default/asset-management:
 *     exec: node src/main.ts            # started here; told its port by PORT
 *     env: { LOG_LEVEL: info }
 *   default/other:
 *     address: 127.0.0.1:50052          # already running
 * limits:                               # docs/limits.md has the names
 *   clientConnection: { maxConcurrentStreams: 200 }
 * ```
 * @throws ConfigFileError with file:line for anything that is not of that form.
 */
export function readConfigFile(path: string | undefined): ConfigFile | undefined {
  const file = path ?? defaultConfigFileName;
  if (path === undefined && !existsSync(file)) return undefined;
  const text = readText(file);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const at = (offset: number | undefined) => lineCounter.linePos(offset ?? 0).line;
  const fail = (offset: number | undefined, message: string): never => {
    throw new ConfigFileError(`${file}:${at(offset)} ${message}`);
  };
  const [firstError] = document.errors;
  if (firstError !== undefined) fail(firstError.pos[0], firstError.message);
  const root = document.contents;
  if (root === null) return { path: file, manifests: [], workloads: [], limits: {} };
  if (!isMap(root)) return fail(0, 'expected a map with the keys manifests, workloads and limits');

  const folder = dirname(resolve(file));
  let manifests: string[] = [];
  let workloads: WorkloadSetting[] = [];
  let limits: LimitSettings = {};
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const offset = isScalar(key) ? key.range?.[0] : undefined;
    if (name === 'manifests') {
      if (!isSeq(value) || !value.items.every((item) => isScalar(item) && typeof item.value === 'string'))
        return fail(offset, 'manifests: expected a list of paths');
      manifests = (value.toJSON() as string[]).map((entry) => fromHere(resolve(folder, entry)));
    } else if (name === 'workloads') {
      if (!isMap(value)) return fail(offset, 'workloads: expected a map from NAMESPACE/NAME to its settings');
      workloads = value.items.map((item) => {
        const workload = isScalar(item.key) ? String(item.key.value) : '';
        const line = at(isScalar(item.key) ? item.key.range?.[0] : undefined);
        if (!isMap(item.value)) throw new ConfigFileError(`${file}:${line} ${workload}: expected a map`);
        const origin: Origin = { kind: 'Workload', ...splitName(workload), file, line };
        return workloadSetting(item.value, { origin, folder });
      });
    } else if (name === 'limits') {
      const settings: unknown = isNode(value) ? value.toJSON() : value;
      const [fault] = findLimitFaults(settings);
      if (fault !== undefined) {
        const place = document.getIn(['limits', ...fault.path], true);
        return fail(
          isNode(place) ? place.range?.[0] : offset,
          `${['limits', ...fault.path].join('.')}: ${fault.message}`,
        );
      }
      limits = settings as LimitSettings;
    } else fail(offset, `unknown key "${name}"; known keys: manifests, workloads, limits`);
  }
  return { path: file, manifests, workloads, limits };
}

function workloadSetting(map: YAMLMap, { origin, folder }: { origin: Origin; folder: string }): WorkloadSetting {
  const fail = (message: string): never => {
    throw new ConfigFileError(`${origin.file}:${origin.line} ${origin.namespace}/${origin.name}: ${message}`);
  };
  const settings = map.toJSON() as Record<string, unknown>;
  const known = ['address', 'exec', 'env', 'cwd'];
  for (const key of Object.keys(settings))
    if (!known.includes(key)) fail(`unknown key "${key}"; known keys: ${known.join(', ')}`);
  const { address, exec, env = {}, cwd = '.' } = settings;
  if (address === undefined && exec === undefined) fail('needs `address: HOST:PORT` or `exec: COMMAND`');
  if (address !== undefined && typeof address !== 'string') fail('address: expected HOST:PORT');
  if (exec !== undefined && typeof exec !== 'string') fail('exec: expected a command line');
  if (typeof cwd !== 'string') fail('cwd: expected a path');
  if (typeof env !== 'object' || env === null) fail('env: expected a map');
  const parsed = address === undefined ? undefined : parseWorkloadAddress(address as string);
  if (parsed === 'bad') fail(`address: "${String(address)}" is not HOST:PORT`);
  return {
    namespace: origin.namespace,
    name: origin.name,
    origin,
    ...(parsed === undefined || parsed === 'bad' ? {} : { address: parsed }),
    ...(exec === undefined
      ? {}
      : {
          exec: {
            command: exec as string,
            cwd: resolve(folder, cwd as string),
            env: Object.fromEntries(Object.entries(env as object).map(([name, value]) => [name, String(value)])),
          },
        }),
  };
}

/** Findings and the access log repeat this path, so it is kept as short as what a user would type here. */
function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' ? '.' : short.startsWith(`..${sep}`) || short === '..' ? path : short;
}

function splitName(name: string): { namespace: string; name: string } {
  const slash = name.indexOf('/');
  return slash < 0 ? { namespace: 'default', name } : { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigFileError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
