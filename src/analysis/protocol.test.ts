import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portProtocol } from './protocol.ts';

test('the name counts up to the first dash', () => {
  assert.equal(portProtocol({ name: 'grpc' }), 'http2');
  assert.equal(portProtocol({ name: 'grpc-assets' }), 'http2');
  assert.equal(portProtocol({ name: 'GRPC-web-ui' }), 'http2');
  assert.equal(portProtocol({ name: 'http2-x' }), 'http2');
  assert.equal(portProtocol({ name: 'http-x' }), 'http');
  assert.equal(portProtocol({ name: 'mongo' }), 'other');
  assert.equal(portProtocol({ name: 'otlp-grpc' }), 'unknown');
  assert.equal(portProtocol({ name: '' }), 'unknown');
});

test('a port that servers speak first on is not looked at, unless it says what it is', () => {
  for (const port of [25, 53, 3306, 27017]) assert.equal(portProtocol({ name: 'db', port }), 'other');
  assert.equal(portProtocol({ name: 'grpc', port: 3306 }), 'http2');
  assert.equal(portProtocol({ name: '', port: 5432 }), 'unknown');
});

test('appProtocol goes before the name, known or not', () => {
  assert.equal(portProtocol({ name: 'tcp', appProtocol: 'grpc' }), 'http2');
  assert.equal(portProtocol({ name: 'tcp', appProtocol: 'kubernetes.io/h2c' }), 'http2');
  assert.equal(portProtocol({ name: 'grpc', appProtocol: 'kubernetes.io/ws' }), 'http');
  assert.equal(portProtocol({ name: 'tcp', appProtocol: 'grpc-own' }), 'http2');
  assert.equal(portProtocol({ name: 'tcp', appProtocol: 'HTTPS' }), 'other');
  assert.equal(portProtocol({ name: 'grpc', appProtocol: 'example.com/own' }), 'unknown');
  assert.equal(portProtocol({ name: 'grpc', appProtocol: 'Kubernetes.io/ws' }), 'unknown');
});
