import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { AssetMessage } from '../../src/messages.ts';
import { badFields, failureOf, type AssetClient } from '../kit/client.ts';
import type { Fixture } from '../kit/fixture.ts';

interface Query {
  readonly filter?: string;
  readonly order_by?: string;
  readonly page_size?: number;
}

async function listAll(client: AssetClient, query: Query): Promise<AssetMessage[]> {
  const assets: AssetMessage[] = [];
  let page_token = '';
  do {
    const page = await client.list({ ...query, page_token });
    assets.push(...page.assets);
    page_token = page.next_page_token;
  } while (page_token !== '');
  return assets;
}

const idsOf = (assets: readonly AssetMessage[]): string[] => assets.map((asset) => asset.asset_id);

export function describeList(fixture: Fixture): void {
  describePaging(fixture);
  describeFilter(fixture);
  describeOrder(fixture);
}

function describePaging(fixture: Fixture): void {
  describe('ListAssets: pages', () => {
    it('are of the size asked for, and go through everything once', async () => {
      await using service = await fixture.start({ seeded: true });
      const { client } = service;
      const first = await client.list({ page_size: 10 });
      assert.equal(first.assets.length, 10);
      const ids = idsOf(await listAll(client, { page_size: 10 }));
      assert.equal(ids.length, 25);
      assert.deepEqual(ids, [...new Set(ids)].sort());
      const exact = await client.list({ page_size: 25 });
      assert.equal(exact.next_page_token, '');
    });

    it('neither repeat nor miss an asset while others come and go', async () => {
      await using service = await fixture.start({ seeded: true });
      const { client } = service;
      const first = await client.list({ page_size: 10 });
      await client.delete({ asset_id: first.assets[9]?.asset_id ?? '', force: true });
      await client.create({ asset_id: 'aa-new', asset: { display_name: 'new', category: 'PHONE' } });
      const second = await client.list({ page_size: 100, page_token: first.next_page_token });
      assert.equal(idsOf([...first.assets, ...second.assets]).length, 25);
      assert.equal(new Set(idsOf([...first.assets, ...second.assets])).size, 25);
    });

    it('end early where they would be too big for a gRPC message', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const labels = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`k${index}`, '𝕩'.repeat(120)]));
      const asset = { display_name: 'big', category: 'MACHINE', labels };
      const imported = await client.import(Array.from({ length: 300 }, () => ({ asset })));
      assert.equal(imported.created_count, '300');
      const first = await client.list({ page_size: 1000 });
      assert.ok(first.assets.length < 300);
      assert.equal((await listAll(client, { page_size: 1000 })).length, 300);
    });

    it('name the field that cannot be', async () => {
      await using service = await fixture.start({ seeded: true });
      const { client } = service;
      const { next_page_token } = await client.list({ page_size: 5 });
      const forge = (...content: unknown[]) => Buffer.from(JSON.stringify(content)).toString('base64url');
      const [, print] = JSON.parse(Buffer.from(next_page_token, 'base64url').toString()) as [number, string];
      const byTime = await client.list({ page_size: 5, order_by: 'purchase_time' });
      const [, timePrint] = JSON.parse(Buffer.from(byTime.next_page_token, 'base64url').toString()) as [number, string];
      const cases: [object, string][] = [
        [{ page_size: -1 }, 'page_size'],
        [{ page_token: 'rubbish' }, 'page_token'],
        [{ page_token: next_page_token, filter: 'status = LOST' }, 'page_token'],
        [{ page_token: next_page_token, order_by: 'status' }, 'page_token'],
        [{ page_token: forge(1, print) }, 'page_token'],
        [{ page_token: forge(1, print, 'a', 'b') }, 'page_token'],
        [{ page_token: forge(1, print, 7) }, 'page_token'],
        [{ page_token: forge(1, print, 'a\0') }, 'page_token'],
        [{ page_token: forge(2, print, 'a') }, 'page_token'],
        [{ page_token: forge(1, timePrint, 'never', 'a'), order_by: 'purchase_time' }, 'page_token'],
        [{ filter: 'colour = red' }, 'filter'],
        [{ order_by: 'colour' }, 'order_by'],
      ];
      for (const [request, field] of cases) {
        const failure = await failureOf(client.list(request));
        assert.equal(failure.code, status.INVALID_ARGUMENT, JSON.stringify(request));
        assert.deepEqual(badFields(failure), [field], JSON.stringify(request));
      }
      const forged = await client.list({ page_token: forge(1, print, "zz' or true --") });
      assert.deepEqual(forged.assets, []);
    });
  });
}

function describeFilter(fixture: Fixture): void {
  const cases: [string, string[]][] = [
    ['status = LOST', ['phone-1106']],
    ['category = COMPUTER AND status != IN_USE', ['laptop-0301', 'laptop-0422', 'monitor-0233']],
    ['location : "hà nội" AND NOT category = SERVER AND labels.team = platform', ['laptop-0417', 'laptop-0418']],
    // OR binds tighter than AND.
    ['status = LOST OR status = RETIRED AND category = PHONE', ['phone-1106']],
    ['status = LOST OR (status = RETIRED AND category = COMPUTER)', ['laptop-0301', 'phone-1106']],
    ['purchase_price.units >= 2150000000', ['crane-haiphong-01', 'crane-haiphong-02', 'generator-hoalac']],
    ['NOT purchase_price.units >= 0', ['boardroom-table-hanoi']],
    ['purchase_price.currency_code = USD AND purchase_price.units < 600', ['monitor-0233']],
    ['purchase_time < 2019-01-01', ['laptop-0301']],
    ['purchase_time = "2025-03-03T15:10:00+07:00"', ['phone-1105', 'phone-1106']],
    ['labels.rack : * AND labels.role : SPARE', ['server-hl-b07-03']],
    ['NOT labels.rack : * AND category = NETWORK', ['access-point-danang-02', 'router-haiphong']],
    ['labels.calibrated > "2026-01"', ['weighbridge-haiphong']],
    ['serial_number = ""', ['boardroom-table-hanoi', 'desk-saigon-114']],
    ['display_name : "14\\""', ['laptop-0417', 'laptop-0418']],
    [`asset_id = "x' OR 'a' = 'a"`, []],
    [`labels.x'y = "z"`, []],
    ['asset_id:laptop-03', ['laptop-0301']],
    ['asset_id > van', ['van-danang-01', 'weighbridge-haiphong', 'workstation-0019']],
  ];

  describe('ListAssets: filter', () => {
    it('finds what it says', async () => {
      await using service = await fixture.start({ seeded: true });
      for (const [filter, expected] of cases) {
        assert.deepEqual(idsOf(await listAll(service.client, { filter })), expected, filter);
      }
    });

    it('goes on from page to page', async () => {
      await using service = await fixture.start({ seeded: true });
      const filter = 'location : "hải phòng"';
      const whole = idsOf(await listAll(service.client, { filter }));
      assert.equal(whole.length, 10);
      assert.deepEqual(idsOf(await listAll(service.client, { filter, page_size: 2 })), whole);
    });
  });
}

function describeOrder(fixture: Fixture): void {
  describe('ListAssets: order', () => {
    it('follows order_by, then asset_id; those without the value are first', async () => {
      await using service = await fixture.start({ seeded: true });
      const { client } = service;
      const byPrice = idsOf(await listAll(client, { order_by: 'purchase_price' }));
      assert.deepEqual(byPrice.slice(0, 4), ['boardroom-table-hanoi', 'monitor-0233', 'laptop-0301', 'scanner-0061']);
      assert.deepEqual(byPrice.slice(-2), ['crane-haiphong-01', 'crane-haiphong-02']);
      const newest = idsOf(await listAll(client, { order_by: 'purchase_time desc' }));
      assert.deepEqual(newest.slice(0, 3), ['phone-1105', 'phone-1106', 'laptop-0417']);
      assert.equal(newest.at(-1), 'boardroom-table-hanoi');
    });

    it('is the same in pages of any size', async () => {
      await using service = await fixture.start({ seeded: true });
      const orders = [
        'purchase_price desc',
        'purchase_time, display_name desc',
        'category desc, status, asset_id desc',
        'create_time desc, update_time',
        'serial_number, location, assignee',
      ];
      for (const order_by of orders) {
        const whole = idsOf(await listAll(service.client, { order_by }));
        assert.equal(whole.length, 25);
        assert.deepEqual(idsOf(await listAll(service.client, { order_by, page_size: 3 })), whole, order_by);
      }
    });
  });
}
