/** The verdicts themselves: a length is a length, whatever stands beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internField } from './index.ts';
import { unsharedField, type EngineField } from './field.ts';
import { fieldName } from './field-name.ts';
import { areTrailersWellFormed, judgeRequest, judgeResponse, MALFORMED } from './message-rules.ts';
import { LENGTH_UNKNOWN } from './stream.ts';

type Pairs = readonly (readonly [string, string])[];

const arrived = (name: string, value: string): EngineField => unsharedField(fieldName(name), value, false);
const make = (pairs: Pairs): EngineField[] => pairs.map(([name, value]) => arrived(name, value));
const pseudo: Pairs = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
  [':authority', 'host'],
];
const regular: Pairs = [
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
  ['user-agent', 'agent'],
  ['grpc-timeout', '1S'],
  ['x-other', 'value'],
];
const request = (pairs: Pairs): number => judgeRequest(make(pairs), pairs.length);
const response = (pairs: Pairs): number => judgeResponse(make(pairs), pairs.length);

test('every length below 100, in a request and in a response, among other fields', () => {
  assert.equal(request([...pseudo, ...regular]), LENGTH_UNKNOWN);
  assert.equal(response([[':status', '200'], ...regular]), LENGTH_UNKNOWN);
  for (let length = 0; length < 100; length++) {
    const field = [['content-length', String(length)]] as const;
    assert.notEqual(length, MALFORMED);
    assert.equal(request([...pseudo, ...regular, ...field]), length);
    assert.equal(request([...pseudo, ...field, ...regular]), length);
    assert.equal(response([[':status', '200'], ...regular, ...field]), length);
  }
});

test('a pseudo-field behind any regular field is late', () => {
  for (const field of [...regular, ['host', 'host'], ['content-length', '1']] as const) {
    for (let at = 0; at < pseudo.length; at++) {
      assert.equal(request([...pseudo.slice(0, at), field, ...pseudo.slice(at)]), MALFORMED, field[0]);
    }
    assert.equal(response([field, [':status', '200']]), MALFORMED, field[0]);
  }
});

test('no pseudo-field is a trailer', () => {
  assert.ok(areTrailersWellFormed(make(regular), regular.length));
  for (const [name, value] of [...pseudo, [':status', '200'], [':other', 'x']] as const) {
    const trailers = [internField('x', 'y'), arrived(name, value)] as EngineField[];
    assert.ok(!areTrailersWellFormed(trailers, 2), name);
    assert.ok(areTrailersWellFormed(trailers, 1), name);
  }
});

test('only the fields that count are judged', () => {
  const fields = make([...pseudo, [':status', '200']]);
  assert.equal(judgeRequest(fields, 4), LENGTH_UNKNOWN);
  assert.equal(judgeRequest(fields, 5), MALFORMED);
  assert.equal(judgeResponse([], 0), MALFORMED);
});
