import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimHeaderValue } from './claim-header.ts';

test('a claim as a header, as Envoy writes it', () => {
  const claims = {
    text: 'a b',
    empty: '',
    number: 1.5,
    yes: true,
    none: null,
    list: ['a', 1],
    realm: { group: 'admins', deep: { er: 'x' } },
    'https://example.com/role': 'owner',
    'realm.group': 'its own name goes first',
    umlaut: 'Jürgen €',
    broken: 'a\r\nb: c',
    padded: ' a',
    long: 'a'.repeat(10_000),
  };
  const rows: readonly [string, string | undefined][] = [
    ['text', 'a b'],
    ['empty', ''],
    ['number', '1.5'],
    ['yes', 'true'],
    ['none', undefined],
    ['list', Buffer.from('["a",1]').toString('base64')],
    ['realm', Buffer.from('{"group":"admins","deep":{"er":"x"}}').toString('base64')],
    ['realm.deep.er', 'x'],
    ['realm.group', 'its own name goes first'],
    ['https://example.com/role', 'owner'],
    ['umlaut', Buffer.from('Jürgen €').toString('latin1')],
    ['broken', undefined],
    ['padded', undefined],
    ['long', undefined],
    ['absent', undefined],
    ['toString', undefined],
    ['text.length', undefined],
  ];
  for (const [claim, value] of rows) assert.equal(claimHeaderValue(claims, claim), value, claim);
});
