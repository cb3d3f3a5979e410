/** Status against the conditions of the Gateway API: each reason is shown by a golden or never occurs, and nothing else does. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Condition, ObjectStatus } from '../../src/analysis/index.ts';
import { bindingsOf, compileText, readHeader } from '../kit/compile-kit.ts';
import { reasons, type ConditionOf, type Reason } from './reasons.ts';

const folder = join(import.meta.dirname, '../golden/compile');

interface Golden {
  readonly name: string;
  readonly text: string;
  readonly status: readonly ObjectStatus[];
}

const goldens: readonly Golden[] = readdirSync(folder)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const header = readHeader(text);
    const { status } = compileText(text, { ...header, bindings: bindingsOf(header.workloads) });
    return { name: file.slice(0, -'.in.yaml'.length), text, status };
  });

interface Found {
  readonly of: ConditionOf;
  readonly condition: Condition;
}

function conditionsOf({ kind, conditions = [], listeners = [], parents = [], ancestors = [] }: ObjectStatus): Found[] {
  const own = (kind.endsWith('Route') ? 'Route' : kind) as ConditionOf;
  const under = (of: ConditionOf, list: readonly Condition[]): Found[] => list.map((condition) => ({ of, condition }));
  return [
    ...under(own, conditions),
    ...listeners.flatMap((one) => under(kind === 'Gateway' ? 'Listener' : 'ListenerEntry', one.conditions)),
    ...[...parents, ...ancestors].flatMap((one) => under(own, one.conditions)),
  ];
}

function keyOf(of: ConditionOf, { type, status, reason }: Pick<Condition, 'type' | 'status' | 'reason'>): string {
  return `${of} ${type}=${status} ${reason}`;
}

const shown = new Map<string, Set<string>>();
for (const { name, status } of goldens) {
  for (const { of, condition } of status.flatMap(conditionsOf)) {
    const key = keyOf(of, condition);
    shown.set(key, (shown.get(key) ?? new Set()).add(name));
  }
}

describe('reasons of the Gateway API', () => {
  for (const row of reasons) {
    const key = keyOf(row.of, row);
    test(`${key}: ${row.golden ?? `never, ${row.never ?? ''}`}`, () => checkRow(row, shown.get(key) ?? new Set()));
  }

  test('there are no others', () => {
    const known = new Set(reasons.map((row) => keyOf(row.of, row)));
    assert.deepEqual(
      [...shown.keys()].filter((key) => !known.has(key)),
      [],
    );
  });
});

function checkRow({ golden }: Reason, seenIn: ReadonlySet<string>): void {
  if (golden === undefined) assert.deepEqual([...seenIn], []);
  else assert.ok(seenIn.has(golden), `no such condition in ${golden}, but in ${[...seenIn].join(', ')}`);
}

test('every condition observes the generation of its object', () => {
  let observed = 0;
  for (const { name, text, status } of goldens) {
    const generations = generationsOf(text);
    for (const object of status) {
      const generation = generations.get(`${object.kind} ${object.namespace} ${object.name}`);
      for (const { condition } of conditionsOf(object)) {
        assert.equal(
          condition.observedGeneration,
          generation,
          `${name}: ${object.kind} ${object.name} ${condition.type}`,
        );
        if (generation !== undefined) observed += 1;
      }
    }
  }
  assert.ok(observed > 100, `only ${observed} conditions were of objects with a generation`);
});

interface Written {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly generation?: number };
}

function generationsOf(text: string): ReadonlyMap<string, number | undefined> {
  const written = parseAllDocuments(text).map((document) => document.toJS() as Written | null);
  return new Map(
    written.map((object) => {
      const { name = '', namespace, generation } = object?.metadata ?? {};
      const place = object?.kind === 'GatewayClass' ? '' : (namespace ?? 'default');
      return [`${object?.kind ?? ''} ${place} ${name}`, generation];
    }),
  );
}
