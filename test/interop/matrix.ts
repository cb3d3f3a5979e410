/** Which client meets which server in which case, what is expected of it, and how it came out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseName } from './cases.ts';
import type { RunSettings, StackName } from './stacks.ts';
import { stacks } from './stacks.ts';
import type { Transport, WholePath } from './whole-path.ts';

interface Scope {
  /** Absent: all. */
  readonly clients?: readonly string[];
  readonly servers?: readonly string[];
  readonly transports?: readonly string[];
  readonly cases: readonly string[];
  readonly reason: string;
}

interface Declared {
  /** What a stack cannot do by its nature; not run. */
  readonly notApplicable: readonly Scope[];
  /** What fails through the proxies though it should not; run, and a pass is an error too. */
  readonly knownFailures: readonly Scope[];
}

const declared = JSON.parse(readFileSync(join(import.meta.dirname, 'known-failures.json'), 'utf8')) as Declared;

export interface Pairing {
  readonly client: StackName;
  readonly server: StackName;
  readonly transport: Transport;
}

export type Verdict = 'passed' | 'failed' | 'known-failure' | 'unexpected-pass' | 'not-applicable';

export interface CaseResult {
  readonly name: CaseName;
  readonly verdict: Verdict;
  /** The failure, or the reason for what was declared. */
  readonly detail: string;
}

/** Runs the cases of one pairing that apply. */
export async function runPairing(
  path: WholePath,
  pairing: Pairing,
  { names, settings }: { readonly names: readonly CaseName[]; readonly settings: RunSettings },
): Promise<CaseResult[]> {
  const applicable = names.filter((name) => declaration(declared.notApplicable, pairing, name) === undefined);
  const target = path.target(pairing.server, pairing.transport);
  const outcomes = await stacks[pairing.client].runCases(applicable, target, settings);
  return names.map((name) => {
    const absent = declaration(declared.notApplicable, pairing, name);
    if (absent !== undefined) return { name, verdict: 'not-applicable', detail: absent.reason };
    return judge(name, outcomes.get(name), declaration(declared.knownFailures, pairing, name));
  });
}

function judge(name: CaseName, failure: string | undefined, known: Scope | undefined): CaseResult {
  if (known === undefined)
    return failure === undefined
      ? { name, verdict: 'passed', detail: '' }
      : { name, verdict: 'failed', detail: failure };
  return failure === undefined
    ? { name, verdict: 'unexpected-pass', detail: `passes now; it was declared: ${known.reason}` }
    : { name, verdict: 'known-failure', detail: known.reason };
}

/** Results that are not as declared. */
export function surprises(results: readonly CaseResult[]): readonly CaseResult[] {
  return results.filter(({ verdict }) => verdict === 'failed' || verdict === 'unexpected-pass');
}

function declaration(scopes: readonly Scope[], pairing: Pairing, name: CaseName): Scope | undefined {
  return scopes.find(
    ({ clients, servers, transports, cases }) =>
      cases.includes(name) &&
      (clients?.includes(pairing.client) ?? true) &&
      (servers?.includes(pairing.server) ?? true) &&
      (transports?.includes(pairing.transport) ?? true),
  );
}
