import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPlan, testOrigin } from '../../test/kit/plan-kit.ts';
import { formatMesh } from './run-tables.ts';

test('a route is shown with all that it asks for, and with what it does', () => {
  const path = { type: 'StringPrefix', value: '/a', ignoreCase: true } as const;
  const origin = testOrigin('HTTPRoute', 'r', 1);
  const plan = buildPlan({
    listeners: [
      {
        virtualHosts: [
          {
            hostname: 'a.example.com',
            routes: [
              {
                match: {
                  path,
                  method: { type: 'Exact', value: 'POST' },
                  scheme: { type: 'Exact', value: 'https' },
                  authority: { type: 'Prefix', value: 'a' },
                  headers: [
                    { name: 'x-env', type: 'RegularExpression', value: 'de.' },
                    { name: 'x-old', type: 'Present', value: '', invert: true },
                  ],
                  queryParams: [{ name: 'q', type: 'Exact', value: '1' }],
                },
                action: { type: 'fail', reason: 'not today' },
              },
              {
                match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
                action: { type: 'redirect', origin, status: 301 },
              },
            ],
          },
        ],
      },
    ],
  });
  const rows = formatMesh(plan, new Map())
    .split('\n')
    .filter((line) => line.startsWith('HTTPRoute'))
    .map((line) => line.split(/ {3,}/));
  assert.deepEqual(rows, [
    [
      'HTTPRoute default/asset',
      'a.example.com',
      'StringPrefix /a (any case) POST scheme=https authority=a* x-env=~de. not x-old=* ?q=1',
      'none (not today)',
      'httproute.yaml:11',
    ],
    ['HTTPRoute default/asset', 'a.example.com', 'PathPrefix /', 'redirect 301', 'httproute.yaml:12'],
  ]);
});
