/**
 * What the examples written by hand say is what the official CRDs say, and what the decoder says. Every CEL rule of every kind
 * that is decoded is broken by one of them.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { rulesOf } from './cel.ts';
import { justification } from './differences.ts';
import { readExamples } from './examples.ts';
import { officialVersions, skipWithoutCrds, type CrdSchema } from './official.ts';
import { loadOracle, type Oracle } from './oracle.ts';
import { crdKinds, differencesOf } from './verdict.ts';

const examples = readExamples();
const files = [...new Set(examples.map(({ file }) => file))];

describe('examples and the official CRDs', { skip: skipWithoutCrds }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await loadOracle();
  });

  const schemaFor = (apiVersion: string, kind: string): CrdSchema => {
    const [group = '', name] = apiVersion.split('/');
    const version = officialVersions(group, kind).find((one) => one.name === name);
    assert.ok(version !== undefined, `${apiVersion} ${kind} has no CRD`);
    return version.schema.openAPIV3Schema;
  };

  for (const file of files) {
    test(file, () => {
      const wrong: string[] = [];
      for (const { title, valid, object } of examples.filter((example) => example.file === file)) {
        const problems = oracle(schemaFor(object.apiVersion, object.kind), object);
        if ((problems.length === 0) !== valid)
          wrong.push(`the CRD does not agree: ${title} ${problems[0]?.message ?? ''}`);
        const kind = crdKinds().find(
          (one) => object.kind === one.kind && object.apiVersion.startsWith(`${one.group}/`),
        );
        if (kind === undefined) continue;
        for (const difference of differencesOf(oracle, kind, object)) {
          if (justification(difference) === undefined) wrong.push(`${difference.side}: ${title}: ${difference.reason}`);
        }
      }
      assert.deepEqual(wrong, []);
    });
  }

  test('each rule of each kind that is decoded is broken by an example', () => {
    const broken = new Map<string, Set<string>>();
    for (const { object } of examples) {
      const rules = broken.get(object.kind) ?? new Set();
      for (const { rule } of oracle(schemaFor(object.apiVersion, object.kind), object)) rules.add(rule);
      broken.set(object.kind, rules);
    }
    const missing: string[] = [];
    for (const { kind, versions } of crdKinds()) {
      const [version] = versions;
      for (const rule of new Set(rulesBelow(version?.schema.openAPIV3Schema ?? {}))) {
        if (broken.get(kind)?.has(rule) !== true) missing.push(`${kind}: ${rule}`);
      }
    }
    assert.deepEqual(missing.toSorted(), unbreakable.toSorted());
  });

  test('the experimental channel takes what the standard one takes, but for what is named here', () => {
    const refused = new Set<string>();
    let taken = 0;
    for (const { object } of examples) {
      const [group = '', name] = object.apiVersion.split('/');
      const standard = officialVersions(group, object.kind, 'standard').find((one) => one.name === name);
      if (standard === undefined || oracle(standard.schema.openAPIV3Schema, object).length > 0) continue;
      taken++;
      for (const { message } of oracle(schemaFor(object.apiVersion, object.kind), object)) refused.add(message);
    }
    assert.ok(taken > 50, `only ${taken} examples are valid in the standard channel`);
    // The text of the specification asks for it in both.
    assert.deepEqual([...refused], ['Rule name must be unique within the route (the rule is false)']);
  });

  test('all versions of a kind have one schema, but for those whose decoders tell them apart', () => {
    for (const { kind, versions } of crdKinds()) {
      const alike = versions.filter(({ name }) => !toldApart.includes(`${kind} ${name}`));
      const [first, ...others] = alike.map(({ schema }) => JSON.stringify(withoutWords(schema.openAPIV3Schema)));
      for (const other of others) assert.equal(other, first, kind);
    }
  });
});

/** Versions that allow more than their successors. */
const toldApart = ['TLSRoute v1alpha2', 'TCPRoute v1alpha2'];

/** Rules whose case the schema has refused already, by an enum or by the keys of a list. */
const nameForm = '([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)';
const unbreakable = [
  `TLSRoute: self.all(h, !h.contains('*') ? h.matches('^${nameForm}$') : true)`,
  `TLSRoute: self.all(h, h.contains('*') ? (h.startsWith('*.') && h.substring(2).matches('^${nameForm}$')) : true)`,
  "HTTPRoute: self.type in ['Exact','PathPrefix'] || self.type == 'RegularExpression'",
  'Gateway: self.all(l1, self.exists_one(l2, l1.name == l2.name))',
  'ListenerSet: self.all(l1, self.exists_one(l2, l1.name == l2.name))',
  'Gateway: self.all(t1, self.exists_one(t2, t1.port == t2.port))',
];

/** What does not decide: words, and `status`. */
function withoutWords(schema: CrdSchema): unknown {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) =>
      key === 'description' && typeof value === 'string' ? undefined : value,
    ),
  );
}

function rulesBelow({ properties = {}, items, additionalProperties, ...schema }: CrdSchema): string[] {
  const fields = Object.entries(properties).filter(([name]) => name !== 'status');
  return [
    ...rulesOf(schema).map(({ rule }) => rule),
    ...fields.flatMap(([, field]) => rulesBelow(field)),
    ...(items === undefined ? [] : rulesBelow(items)),
    ...(typeof additionalProperties === 'object' ? rulesBelow(additionalProperties) : []),
  ];
}
