/** Header operations against a naive model: remove, then set, then add, on a list of pairs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { internField } from '../http2/index.ts';
import type { HeaderOperations } from '../plan/index.ts';
import { Exchange } from './exchange.ts';
import { changedResponse, changeRequestHeaders, changeResponseHeaders } from './header-operations.ts';

type Pair = readonly [string, string];

const name = fc.constantFrom('a', 'b', 'c', 'grpc-timeout');
const value = fc.constantFrom('1', '2', '3');
const pairs = fc.array(fc.record({ name, value }), { maxLength: 5 });
const operations = fc.record({
  set: fc.uniqueArray(fc.record({ name, value }), { maxLength: 3, selector: (one) => one.name }),
  add: pairs,
  remove: fc.array(name, { maxLength: 3 }),
});

function model(fields: readonly Pair[], { remove, set, add }: HeaderOperations): Pair[] {
  let list = fields.filter(([one]) => !remove.includes(one));
  for (const { name: wanted, value: text } of set) list = [...list.filter(([one]) => one !== wanted), [wanted, text]];
  return [...list, ...add.map((one): Pair => [one.name, one.value])];
}

const backendParts = { weight: 1, cluster: undefined, invalid: undefined };
const noActions = {
  answersPlain: false,
  isRetryOnly: false,
  changesResponse: true,
  host: undefined,
  retry: undefined,
  fault: undefined,
  mirrors: undefined,
};

function exchangeWith(route: HeaderOperations, backend: HeaderOperations): Exchange {
  const exchange = new Exchange(() => undefined, false);
  exchange.actions = { ...noActions, requestHeaders: route, responseHeaders: route };
  exchange.backend = { ...backendParts, requestHeaders: backend, responseHeaders: backend };
  return exchange;
}

test('responses', () => {
  fc.assert(
    fc.property(pairs, operations, operations, (fields, route, backend) => {
      const exchange = exchangeWith(route, backend);
      const head: Pair[] = [[':status', '200'], ...fields.map((one): Pair => [one.name, one.value])];
      const received = head.map(([one, text]) => internField(one, text));
      const count = changeResponseHeaders(exchange, received, received.length);
      const changed = changedResponse.slice(0, count).map((field) => [field.name, field.value]);
      assert.deepEqual(changed, model(model(head, route), backend));
    }),
  );
});

test('requests, and the timeout is found where it stands', () => {
  fc.assert(
    fc.property(pairs, operations, operations, (fields, route, backend) => {
      const exchange = exchangeWith(route, backend);
      const head: Pair[] = [
        [':path', '/'],
        ...fields.filter((one) => one.name !== 'grpc-timeout').map((one): Pair => [one.name, one.value]),
        ['grpc-timeout', 'own'],
        ['last', '1'],
      ];
      exchange.head.push(...head.map(([one, text]) => internField(one, text)));
      exchange.headCount = head.length;
      exchange.timeoutIndex = head.length - 2;
      changeRequestHeaders(exchange);
      const changed = exchange.head.slice(0, exchange.headCount).map((field) => [field.name, field.value]);
      const expected = model(model(head, route), backend);
      assert.deepEqual(changed, expected);
      assert.equal(
        exchange.timeoutIndex,
        expected.findIndex(([, text]) => text === 'own'),
      );
    }),
  );
});
