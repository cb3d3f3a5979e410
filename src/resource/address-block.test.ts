import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { blockHolds, prefixLength } from './address-block.ts';

describe('blocks of addresses', () => {
  test('hold what the system says they hold', () => {
    const ipv4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    const ipv6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }));
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), fc.oneof(fc.ipV4(), fc.ipV6()), ([base, bits], address) => {
        const list = new BlockList();
        list.addSubnet(base, bits, base.includes(':') ? 'ipv6' : 'ipv4');
        // To the system an IPv4 address is also a mapped IPv6 one; a block of one family holds none of the other here.
        const sameFamily = base.includes(':') === address.includes(':');
        const held = sameFamily && list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
        assert.equal(blockHolds(`${base}/${bits}`, address), held);
      }),
    );
  });

  test('an address is a block of its own', () => {
    assert.equal(blockHolds('10.0.0.1', '10.0.0.1'), true);
    assert.equal(blockHolds('10.0.0.1', '10.0.0.2'), false);
    assert.equal(blockHolds('2001:db8::1', '2001:db8:0:0::1'), true);
    assert.equal(blockHolds('::ffff:1.2.3.4', '::ffff:102:304'), true);
    assert.equal(blockHolds('0.0.0.0/0', '255.255.255.255'), true);
    assert.deepEqual(['10.0.0.1', '::1', '10.0.0.0/8'].map(prefixLength), [32, 128, 8]);
  });
});
