/** Every byte at every place, held against the grammars of the RFCs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAuthority, isFieldName, isFieldValue, isMethod, isPath, isScheme, isStatus } from './field-text.ts';

const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

const rows: readonly (readonly [name: string, judge: (text: string) => boolean, good: string, grammar: RegExp])[] = [
  ['field name', isFieldName, 'x-name', /^[a-z0-9!#$%&'*+\-.^_`|~]+$/],
  ['method', isMethod, 'POST', /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/],
  ['path', isPath, '/a.B/C', /^\/[!-"$-~]*$/],
  ['authority', isAuthority, 'host:80', /^[!$-.0-;=A-[\]_a-z~%&'()*+,]+$/],
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  ['field value', isFieldValue, 'a value', /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/],
];

for (const [name, judge, good, grammar] of rows) {
  test(`${name}: each byte alone, first, inside, and last`, () => {
    assert.ok(judge(good));
    assert.equal(judge(''), grammar.test(''));
    for (const byte of bytes) {
      for (const text of [byte, byte + good, good.slice(0, 2) + byte + good.slice(2), good + byte]) {
        assert.equal(judge(text), grammar.test(text), JSON.stringify(text));
      }
    }
  });
}

test('schemes: two', () => {
  assert.deepEqual(['http', 'https', 'HTTP', 'httpss', 'xhttp', 'h2', ''].filter(isScheme), ['http', 'https']);
});

test('statuses: three digits from 100 to 599, but not 101', () => {
  const accepted = Array.from({ length: 1100 }, (_, status) => String(status)).filter(isStatus);
  assert.equal(accepted.length, 499);
  assert.deepEqual([accepted[0], accepted[1], accepted.at(-1)], ['100', '102', '599']);
  assert.deepEqual(['', ' 200', '200 ', '+20', '0200', '2e2', '٢٠٠'].filter(isStatus), []);
});
