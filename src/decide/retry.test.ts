import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayRetry, type UpstreamFailure } from './retry.ts';

const refused: UpstreamFailure = {
  kind: 'refused_stream',
  attempts: 1,
  responseStarted: false,
  requestReplayable: true,
};

test('only what the upstream provably did not process is sent again', () => {
  const kinds: Readonly<Record<UpstreamFailure['kind'], boolean>> = {
    connect_failed: true,
    never_sent: true,
    refused_stream: true,
    goaway_unprocessed: true,
    reset: false,
    connection_closed: false,
    timeout: false,
  };
  for (const [kind, expected] of Object.entries(kinds)) {
    assert.equal(mayRetry({ ...refused, kind: kind as UpstreamFailure['kind'] }), expected, kind);
  }
});

test('not once an answer began, bytes are gone, or attempts are used up', () => {
  assert.equal(mayRetry({ ...refused, responseStarted: true }), false);
  assert.equal(mayRetry({ ...refused, requestReplayable: false }), false);
  assert.equal(mayRetry({ ...refused, attempts: 2 }), true);
  assert.equal(mayRetry({ ...refused, attempts: 3 }), false);
});
