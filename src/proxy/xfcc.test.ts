import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatClientCert } from './xfcc.ts';

test('an element reads as Istio writes it', () => {
  const by = 'spiffe://cluster.local/ns/default/sa/asset';
  const uri = 'spiffe://cluster.local/ns/gateway/sa/public';
  assert.equal(formatClientCert({ by, hash: 'ab', subject: '', uri }), `By=${by};Hash=ab;Subject="";URI=${uri}`);
});

test('no value can add an element of its own', () => {
  const element = formatClientCert({ by: 'a', hash: 'ab', subject: 'CN="x",By=y', uri: 'spiffe://td/x;URI=evil,By=z' });
  assert.equal(element, 'By=a;Hash=ab;Subject="CN=\\"x\\",By=y";URI="spiffe://td/x;URI=evil,By=z"');
});
