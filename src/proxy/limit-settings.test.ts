import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultTransportLimits } from '../transport/index.ts';
import { findLimitFaults, withLimitSettings } from './limit-settings.ts';
import { defaultProxyLimits } from './limits.ts';

const { clientConnection, sharedConnection, transport: _none, ...numbers } = defaultProxyLimits;
const groups = { clientConnection, sharedConnection, transport: defaultTransportLimits };

test('every limit can be set to its default, and without settings all defaults hold', () => {
  assert.deepEqual(findLimitFaults({ ...numbers, ...groups }), []);
  assert.deepEqual(withLimitSettings({}), defaultProxyLimits);
});

test('a setting takes the place of one default, and of nothing else in its group', () => {
  const limits = withLimitSettings({ connectionsPerPort: 5, clientConnection: { maxConcurrentStreams: 7 } });
  assert.deepEqual(limits, {
    ...defaultProxyLimits,
    connectionsPerPort: 5,
    clientConnection: { ...clientConnection, maxConcurrentStreams: 7 },
  });
});

const largest = 2_147_483_647;

for (const name of Object.keys(numbers)) {
  test(`${name}: no text, no fraction, not below its least value, not above 31 bits`, () => {
    const least = name === 'replayBytes' ? 0 : 1;
    assert.deepEqual(findLimitFaults({ [name]: least }), []);
    assert.deepEqual(findLimitFaults({ [name]: largest }), []);
    for (const bad of [least - 1, largest + 1, 1.5, '5', null]) {
      const message = `expected a whole number from ${least} to ${largest}`;
      assert.deepEqual(findLimitFaults({ [name]: bad }), [{ path: [name], message }]);
    }
  });
}

test('windows, tables and shares have least values of their own', () => {
  for (const [name, least] of [
    ['connectionWindowBytes', 65_535],
    ['headerTableBytes', 0],
    ['maxConcurrentStreams', 1],
  ] as const) {
    assert.deepEqual(findLimitFaults({ clientConnection: { [name]: least } }), []);
    const [fault] = findLimitFaults({ clientConnection: { [name]: least - 1 } });
    assert.deepEqual(fault?.path, ['clientConnection', name]);
  }
  assert.deepEqual(findLimitFaults({ sharedConnection: { tinyDataCost: 0.5 } }), []);
  assert.equal(findLimitFaults({ sharedConnection: { tinyDataCost: -0.5 } }).length, 1);
});

test('what is no limit is said with the names there are', () => {
  const [unknown] = findLimitFaults({ connectionsPerPorts: 5 });
  assert.match(unknown?.message ?? '', /no limit of this name; there are: .*connectionsPerPort, .*clientConnection/);
  const [inGroup] = findLimitFaults({ transport: { connectionsPerPort: 5 } });
  assert.deepEqual(inGroup?.path, ['transport', 'connectionsPerPort']);
  for (const value of [null, 5, [], { clientConnection: 5 }, { transport: [] }]) {
    assert.match(findLimitFaults(value)[0]?.message ?? '', /expected a map/);
  }
});
