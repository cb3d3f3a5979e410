import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActionFlag, responseFlags } from './action-state.ts';

test('flags are combined in Envoy’s order, each once', () => {
  const { delayInjected, retriesUsedUp, retryOverflow } = ActionFlag;
  const rows: readonly (readonly [string, number, string])[] = [
    ['-', 0, '-'],
    ['UF', 0, 'UF'],
    ['-', delayInjected, 'DI'],
    ['FI', delayInjected, 'DI,FI'],
    ['UT', delayInjected | retriesUsedUp, 'UT,DI,URX'],
    ['UF', retriesUsedUp, 'UF,URX'],
    ['DC', retriesUsedUp, 'DC,URX'],
    ['UO', retryOverflow, 'UO'],
    ['-', retryOverflow, 'UO'],
    ['UC', retryOverflow | delayInjected, 'UC,UO,DI'],
    ['UPE', retriesUsedUp, 'URX,UPE'],
  ];
  for (const [flag, bits, expected] of rows) {
    assert.equal(responseFlags(flag, bits), expected);
    assert.equal(responseFlags(flag, bits), expected, 'again');
  }
});
