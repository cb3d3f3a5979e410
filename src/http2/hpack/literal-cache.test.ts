/** The caches of literals and names: what is found is what was put there for the very same bytes, and they stay in bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internedField, type EngineField } from '../field.ts';
import { fieldName } from '../field-name.ts';
import {
  cachedLiteral,
  cachedName,
  literalSlot,
  MAX_CACHED_LITERAL_BYTES,
  MAX_CACHED_NAME_BYTES,
  nameSlot,
  rememberLiteral,
  rememberName,
} from './literal-cache.ts';

const path = fieldName(':path');
const agent = fieldName('user-agent');
/** As the decoder marks Huffman-coded bytes. */
const huffman = 256;
/** Literals stand anywhere in what was received. */
const before = 7;

function source(text: string): Buffer {
  return Buffer.concat([Buffer.alloc(before, 0xee), Buffer.from(text, 'latin1'), Buffer.alloc(before, 0xee)]);
}

/** Another text of the same length, different in one place. */
function changedAt(text: string, at: number): string {
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
}

const slot = 300;
const longest = 'abcdefgh'.repeat(MAX_CACHED_LITERAL_BYTES / 8);

const slotsOf = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('where nothing was put, nothing is found', () => {
  const text = 'put nowhere';
  for (let index = 0; index < 1024; index += 1)
    assert.equal(cachedLiteral(index, path, text.length, source(text), before), undefined, `slot ${index}`);
});

test('a literal is found by its name, its bytes and their form, and by nothing that differs in any of them', () => {
  for (const text of ['', 'x', '/asset.AssetService/Get', longest]) {
    const field = internedField(path, text);
    rememberLiteral(slot, text.length, source(text), before, field);
    const find = (value: string, info = path, form = 0): EngineField | undefined =>
      cachedLiteral(slot, info, value.length + form, source(value), before);
    assert.equal(find(text), field);
    assert.equal(find(text, agent), undefined);
    assert.equal(find(text, path, huffman), undefined);
    for (let at = 0; at < text.length; at += 1) {
      assert.equal(find(changedAt(text, at)), undefined, `another byte ${at}`);
      assert.equal(find(text.slice(0, at)), undefined, `${at} bytes of it`);
    }
    assert.equal(find(`${text}x`), undefined);
    rememberLiteral(slot, text.length + huffman, source(text), before, field);
    assert.equal(find(text, path, huffman), field);
    assert.equal(find(text), undefined);
  }
});

test('slots do not touch each other, and the last one is there', () => {
  const at = (index: number): string => `${index}`.padStart(MAX_CACHED_LITERAL_BYTES, '-');
  // Downwards too, so that each is filled after the one behind it.
  for (const index of [...slotsOf(1024), ...slotsOf(1024).reverse()])
    rememberLiteral(index, MAX_CACHED_LITERAL_BYTES, source(at(index)), before, internedField(path, at(index)));
  for (let index = 0; index < 1024; index += 1)
    assert.equal(
      cachedLiteral(index, path, MAX_CACHED_LITERAL_BYTES, source(at(index)), before)?.value,
      at(index),
      `slot ${index}`,
    );
});

test('names are found by their bytes and form, and their slots do not touch each other', () => {
  const at = (index: number): string => `${index}`.padStart(MAX_CACHED_NAME_BYTES, 'n');
  const find = (index: number, text: string, form = 0): string | undefined =>
    cachedName(index, text.length + form, source(text), before)?.text;
  for (const index of [...slotsOf(256), ...slotsOf(256).reverse()])
    rememberName(index, MAX_CACHED_NAME_BYTES, source(at(index)), before, fieldName(at(index)));
  for (let index = 0; index < 256; index += 1) assert.equal(find(index, at(index)), at(index), `slot ${index}`);
  for (let byte = 0; byte < MAX_CACHED_NAME_BYTES; byte += 1) {
    assert.equal(find(5, changedAt(at(5), byte)), undefined, `another byte ${byte}`);
    assert.equal(find(5, at(5).slice(0, byte)), undefined, `${byte} bytes of it`);
  }
  assert.equal(find(5, at(5), huffman), undefined);
  rememberName(5, 3 + huffman, source('x-a'), before, agent);
  assert.equal(find(5, 'x-a', huffman), 'user-agent');
  assert.equal(find(5, 'x-a'), undefined);
});

/** Slots that random numbers would take. */
const expectedSlots = (count: number, slots: number): number => slots * (1 - Math.exp(-count / slots));

test('slots are in bounds and spread like random numbers, for methods of one service, counters and other names', () => {
  const texts: readonly (readonly [seed: number, text: string])[][] = [
    Array.from({ length: 500 }, (_, i) => [path.seed, `/asset.AssetService/Method${i}`]),
    Array.from({ length: 500 }, (_, i) => [path.seed, `${i}`]),
    Array.from({ length: 500 }, (_, i) => [path.seed, `/s${i}.Service/Get`]),
    Array.from({ length: 500 }, (_, i) => [fieldName(`x-name-${i}`).seed, 'the same value']),
  ];
  for (const rows of texts) {
    const used = new Set(rows.map(([seed, text]) => literalSlot(seed, source(text), before, before + text.length)));
    for (const one of used) assert.ok(Number.isInteger(one) && one >= 0 && one < 1024, `slot ${one}`);
    assert.ok(used.size >= 0.9 * expectedSlots(500, 1024), `${used.size} slots`);
  }
  const names = Array.from({ length: 200 }, (_, i) => `x-header-${i}`);
  const used = new Set(names.map((name) => nameSlot(source(name), before, before + name.length)));
  for (const one of used) assert.ok(Number.isInteger(one) && one >= 0 && one < 256, `slot ${one}`);
  assert.ok(used.size >= 0.9 * expectedSlots(200, 256), `${used.size} slots`);
});
