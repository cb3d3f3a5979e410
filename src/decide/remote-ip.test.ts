import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testConnection, testRequest } from '../../test/kit/request-facts.ts';
import { remoteIpOf } from './remote-ip.ts';

interface Row {
  readonly forwarded?: string;
  readonly trusted?: number;
  readonly isEdge?: boolean;
  readonly principal?: string;
  readonly is: string;
}

const peer = '192.0.2.9';
// As it is sent on: a gateway has appended the peer already.
const rows: readonly Row[] = [
  { isEdge: true, forwarded: `1.1.1.1,${peer}`, is: peer },
  { isEdge: true, forwarded: `1.1.1.1,${peer}`, trusted: 1, is: '1.1.1.1' },
  { isEdge: true, forwarded: `2.2.2.2, 1.1.1.1,${peer}`, trusted: 2, is: '2.2.2.2' },
  { isEdge: true, forwarded: `1.1.1.1,${peer}`, trusted: 2, is: peer },
  { isEdge: true, forwarded: `not an address,${peer}`, trusted: 1, is: peer },
  { isEdge: true, forwarded: `::1,${peer}`, trusted: 1, is: '::1' },
  { isEdge: true, is: peer },
  // A sidecar believes a peer of the mesh, and nobody else.
  { forwarded: '1.1.1.1,3.3.3.3', principal: 'cluster.local/ns/gateway/sa/gateway', is: '3.3.3.3' },
  { forwarded: '1.1.1.1,3.3.3.3', principal: '', is: peer },
  { principal: 'cluster.local/ns/gateway/sa/gateway', is: peer },
];

for (const { forwarded, trusted = 0, isEdge = false, principal = '', is } of rows) {
  const who = isEdge ? 'a gateway' : principal === '' ? 'a sidecar with a stranger' : 'a sidecar';
  test(`${who} with ${trusted} trusted proxies and x-forwarded-for ${forwarded ?? 'absent'}: ${is}`, () => {
    const request = testRequest(forwarded === undefined ? {} : { headers: [['x-forwarded-for', forwarded]] });
    const connection = { ...testConnection({ sourceIp: peer, principal }), port: 8080, isEdge };
    assert.equal(remoteIpOf(request, connection, trusted), is);
  });
}
