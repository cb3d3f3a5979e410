import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  GrpcStatus,
  grpcStatusFromHttp,
  grpcStatusFromReset,
  grpcStatusName,
  httpStatusFromGrpc,
  parseGrpcStatus,
} from './status.ts';

test('numbers and names belong together', () => {
  for (const [name, code] of Object.entries(GrpcStatus)) {
    assert.equal(grpcStatusName(code), name);
  }
  assert.equal(Object.keys(GrpcStatus).length, 17);
  assert.equal(grpcStatusName(99), 'CODE_99');
});

test('grpc-status is a plain decimal number, anything else is UNKNOWN', () => {
  const rows = [
    ['0', 0],
    ['16', 16],
    ['99', 99],
    ['', 2],
    ['01', 2],
    ['-1', 2],
    ['+1', 2],
    ['1 ', 2],
    ['OK', 2],
    ['1e1', 2],
    ['999999', 2],
  ] as const;
  for (const [value, expected] of rows) assert.equal(parseGrpcStatus(value), expected, value);
});

test('HTTP statuses map as http-grpc-status-mapping.md says', () => {
  const rows = [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [431, 13],
    [502, 14],
    [503, 14],
    [504, 14],
    [200, 2],
    [500, 2],
    [418, 2],
    [0, 2],
  ] as const;
  for (const [http, grpc] of rows) assert.equal(grpcStatusFromHttp(http), grpc, String(http));
});

test('HTTP/2 error codes map as PROTOCOL-HTTP2.md says', () => {
  // NO_ERROR … HTTP_1_1_REQUIRED, by number; STREAM_CLOSED and HTTP_1_1_REQUIRED have no row there.
  const expected = [13, 13, 13, 13, 13, 13, 13, 14, 1, 13, 13, 8, 7, 13];
  assert.deepEqual(
    expected.map((_, code) => grpcStatusFromReset(code)),
    expected,
  );
});

test('gRPC statuses map as google.rpc.Code says', () => {
  const rows: readonly [keyof typeof GrpcStatus, number][] = [
    ['OK', 200],
    ['CANCELLED', 499],
    ['UNKNOWN', 500],
    ['INVALID_ARGUMENT', 400],
    ['DEADLINE_EXCEEDED', 504],
    ['NOT_FOUND', 404],
    ['ALREADY_EXISTS', 409],
    ['PERMISSION_DENIED', 403],
    ['RESOURCE_EXHAUSTED', 429],
    ['FAILED_PRECONDITION', 400],
    ['ABORTED', 409],
    ['OUT_OF_RANGE', 400],
    ['UNIMPLEMENTED', 501],
    ['INTERNAL', 500],
    ['UNAVAILABLE', 503],
    ['DATA_LOSS', 500],
    ['UNAUTHENTICATED', 401],
  ];
  for (const [name, expected] of rows) assert.equal(httpStatusFromGrpc(GrpcStatus[name]), expected, name);
  assert.equal(httpStatusFromGrpc(99), 500);
});
