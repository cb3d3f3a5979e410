/** What is declared about conformance, and how a run is held against it: neither surprise, bad or good, passes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const positionNames = [
  'gateway',
  'gateway-tls',
  'sidecar',
  'sidecar-mtls',
  'upstream',
  'upstream-mtls',
] as const;
export type PositionName = (typeof positionNames)[number];

export interface Feature {
  readonly tool: 'h2spec' | 'h2specd';
  /** How many cases the tool has here; all of them must run. */
  readonly cases: number;
  readonly about: string;
}

interface KnownFailure {
  readonly position: PositionName;
  /** `section title`, as in the results. */
  readonly name: string;
  readonly reason: string;
}

export interface CaseResult {
  /** `section title`. */
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

interface FeaturesFile {
  readonly h2specVersion: string;
  readonly positions: Readonly<Record<PositionName, Feature>>;
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8'));

/** The newest version that the Go module proxy has; its `-S` run is 146 cases (master split one in two). */
export const { h2specVersion, positions: features } = read('features.json') as FeaturesFile;
const knownFailures = read('known-failures.json') as readonly KnownFailure[];

/** One line for each failure that is not declared, declared failure that passes, and case that did not run. */
export function surprises(
  position: PositionName,
  results: readonly CaseResult[],
  declared: readonly KnownFailure[] = knownFailures,
): string[] {
  const known = declared.filter((failure) => failure.position === position);
  const failed = results.filter(({ passed }) => !passed);
  const { cases } = features[position];
  return [
    ...(results.length === cases ? [] : [`${results.length} cases ran, ${cases} are declared`]),
    ...failed
      .filter(({ name }) => !known.some((failure) => failure.name === name))
      .map(({ name, detail }) => `unexpected failure: ${name}: ${detail}`),
    ...known
      .filter(({ name }) => !failed.some((failure) => failure.name === name))
      .map(({ name }) => `declared to fail, but passes or does not exist: ${name}`),
  ];
}
