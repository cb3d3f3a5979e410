import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localAnswer, localCauses, type LocalCause } from './local-answer.ts';

test('the answers that Istio users know', () => {
  const rows: readonly [LocalCause, number, number, string, string][] = [
    ['no_route', 404, 12, 'NR', 'route_not_found'],
    ['no_listener', 404, 12, 'NR', 'route_not_found'],
    ['cluster_not_found', 503, 14, 'NC', 'cluster_not_found'],
    ['backend_invalid', 500, 14, 'NC', 'backend_invalid'],
    ['no_healthy_upstream', 503, 14, 'UH', 'no_healthy_upstream'],
    ['connect_failed', 503, 14, 'UF', 'upstream_reset_before_response_started{remote_connection_failure}'],
    ['connection_termination', 503, 14, 'UC', 'upstream_reset_before_response_started{connection_termination}'],
    ['overflow', 503, 14, 'UO', 'upstream_reset_before_response_started{overflow}'],
    ['deadline', 504, 4, 'UT', 'response_timeout'],
    ['route_timeout', 504, 4, 'UT', 'response_timeout'],
    ['rbac_denied', 403, 7, '-', 'rbac_access_denied_matched_policy[none]'],
    ['not_grpc', 415, 2, 'DPE', 'grpc_content_type_invalid'],
    ['method_not_post', 405, 12, 'DPE', 'grpc_method_not_post'],
    ['invalid_path', 404, 12, 'NR', 'grpc_path_invalid'],
    ['redirect', 301, 2, '-', 'direct_response'],
    ['direct_response', 200, 2, '-', 'direct_response'],
    ['cors_preflight', 200, 2, '-', 'cors_response'],
    ['fault_abort', 503, 14, 'FI', 'fault_filter_abort'],
    ['per_try_timeout', 504, 4, 'UT', 'upstream_per_try_timeout'],
    ['invalid_authority', 400, 3, 'DPE', 'authority_invalid'],
    ['rewrite_invalid', 500, 14, 'NC', 'rewritten_path_invalid'],
    ['downstream_reset', 0, 1, 'DC', 'downstream_remote_reset'],
  ];
  for (const [cause, httpStatus, grpcStatus, flag, details] of rows) {
    const answer = localAnswer(cause);
    assert.deepEqual(
      [answer.httpStatus, answer.grpcStatus, answer.flag, answer.details],
      [httpStatus, grpcStatus, flag, details],
      cause,
    );
  }
  assert.equal(localAnswer('rbac_denied').message, 'RBAC: access denied');
});

test('after the response began only the details of an upstream reset differ', () => {
  const answer = localAnswer('upstream_remote_reset', true);
  assert.equal(answer.details, 'upstream_reset_after_response_started{remote_reset}');
  assert.equal(localAnswer('upstream_remote_reset', true), answer, 'no allocation');
  assert.deepEqual(localAnswer('no_route', true), localAnswer('no_route'));
});

test('messages go to strangers: printable ASCII, no address, no file', () => {
  for (const cause of localCauses) assert.match(localAnswer(cause).message, /^[A-Za-z][ -~]*$/, cause);
});
