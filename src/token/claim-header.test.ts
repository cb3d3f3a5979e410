import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimHeaderValue } from './claim-header.ts';

test('a claim as a header, as Envoy writes it', () => {
  const claims = {
    text: 'a b',
    empty: '',
    number: 1.5,
    integer: 1e19,
    large: 1e22,
    negative: -3,
    yes: true,
    none: null,
    list: ['a', 1],
    realm: { group: 'admins', deep: { er: 'x' } },
    'https://example.com/role': 'owner',
    'realm.group': 'never found',
    umlaut: 'Jürgen €',
    broken: 'a\r\nb: c',
    padded: ' a',
    long: 'a'.repeat(10_000),
  };
  const rows: readonly [string, string | undefined][] = [
    ['text', 'a b'],
    ['empty', ''],
    ['number', '1.500000'],
    ['integer', '10000000000000000000'],
    ['large', '10000000000000000000000.000000'],
    ['negative', '-3.000000'],
    ['yes', 'true'],
    ['none', undefined],
    ['list', Buffer.from('["a",1]').toString('base64')],
    ['realm', Buffer.from('{"group":"admins","deep":{"er":"x"}}').toString('base64')],
    ['realm.deep.er', 'x'],
    ['realm.group', 'admins'],
    ['https://example.com/role', undefined],
    ['umlaut', Buffer.from('Jürgen €').toString('latin1')],
    ['broken', undefined],
    ['padded', 'a'],
    ['long', undefined],
    ['absent', undefined],
    ['toString', undefined],
    ['text.length', undefined],
  ];
  for (const [claim, value] of rows) assert.equal(claimHeaderValue(claims, claim), value, claim);
});
