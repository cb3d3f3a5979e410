import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { badFields, failureOf } from '../kit/client.ts';
import type { Fixture } from '../kit/fixture.ts';

const laptop = { display_name: 'Laptop', category: 'COMPUTER', serial_number: 'SN-1', location: 'Hanoi' };

export function describeUnary(fixture: Fixture): void {
  describe('GetAsset', () => {
    it('answers an empty request with the first asset in list order', async () => {
      await using service = await fixture.start({ seeded: true });
      const { client } = service;
      const first = await client.get({});
      const page = await client.list({ page_size: 1 });
      assert.equal(first.asset_id, 'access-point-danang-02');
      assert.deepEqual(page.assets, [first]);
    });

    it('says NOT_FOUND with the name of the asset', async () => {
      await using service = await fixture.start();
      const failure = await failureOf(service.client.get({ asset_id: 'no-such' }));
      assert.equal(failure.code, status.NOT_FOUND);
      assert.match(failure.message, /"no-such"/);
      assert.deepEqual(failure.details['ErrorInfo'], {
        reason: 'ASSET_NOT_FOUND',
        domain: 'asset-management',
        metadata: {},
      });
      assert.deepEqual(failure.details['ResourceInfo'], {
        resource_type: 'asset.Asset',
        resource_name: 'no-such',
        owner: '',
        description: 'there is no asset "no-such"',
      });
    });

    it('says NOT_FOUND when there is no first asset, and for what PostgreSQL cannot hold', async () => {
      await using service = await fixture.start();
      assert.equal((await failureOf(service.client.get({}))).code, status.NOT_FOUND);
      assert.equal((await failureOf(service.client.get({ asset_id: 'a\0b' }))).code, status.NOT_FOUND);
    });

    it('quotes only the beginning of what is long, so that the trailers stay small', async () => {
      await using service = await fixture.start();
      const long = 'ỹ'.repeat(100_000);
      const failures = await Promise.all([
        failureOf(service.client.get({ asset_id: long })),
        failureOf(service.client.create({ asset_id: long, asset: laptop })),
        failureOf(service.client.create({ asset: { ...laptop, labels: { [long]: '' } } })),
        failureOf(service.client.list({ filter: `status = ${'ỹ'.repeat(1900)}` })),
      ]);
      assert.deepEqual(
        failures.map((failure) => failure.code),
        [status.NOT_FOUND, status.INVALID_ARGUMENT, status.INVALID_ARGUMENT, status.INVALID_ARGUMENT],
      );
      for (const failure of failures) assert.ok(JSON.stringify(failure).length < 2000);
    });
  });

  describeCreate(fixture);
  describeUpdate(fixture);
  describeDelete(fixture);
}

function describeCreate(fixture: Fixture): void {
  describe('CreateAsset', () => {
    it('keeps everything exactly, the largest amounts too', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const wanted = {
        ...laptop,
        status: 'IN_USE',
        assignee: 'lan@tcex.example',
        purchase_price: { currency_code: 'VND', units: '9223372036854775807', nanos: 999_999_999 },
        purchase_time: { seconds: '1700000000', nanos: 123_000_000 },
        labels: { team: 'platform', 'with-ü-value': 'Hà Nội' },
      };
      const failure = await failureOf(client.create({ asset_id: 'laptop-1', asset: wanted }));
      assert.deepEqual(badFields(failure), ['asset.labels.with-ü-value']);
      const labels = { team: 'Hà Nội "12" \\ 🦄', constructor: 'x' };
      const created = await client.create({ asset_id: 'laptop-1', asset: { ...wanted, labels } });
      const { create_time, update_time, etag, ...content } = created;
      assert.deepEqual(content, { ...wanted, labels, asset_id: 'laptop-1' });
      assert.deepEqual(create_time, update_time);
      assert.notEqual(etag, '');
      assert.deepEqual(await client.get({ asset_id: 'laptop-1' }), created);
    });

    it('chooses an identifier where none is given, and IN_STOCK as the status', async () => {
      await using service = await fixture.start();
      const created = await service.client.create({ asset: laptop });
      assert.match(created.asset_id, /^a-[0-9a-f-]{36}$/);
      assert.equal(created.status, 'IN_STOCK');
      assert.equal(created.purchase_price, null);
    });

    it('says ALREADY_EXISTS for a taken identifier and for a taken serial number', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create({ asset_id: 'laptop-1', asset: laptop });
      const sameId = await failureOf(
        client.create({ asset_id: 'laptop-1', asset: { ...laptop, serial_number: 'SN-2' } }),
      );
      assert.equal(sameId.code, status.ALREADY_EXISTS);
      assert.equal(sameId.message, 'asset_id "laptop-1" is taken by another asset');
      const sameSerial = await failureOf(client.create({ asset_id: 'laptop-2', asset: laptop }));
      assert.equal(sameSerial.code, status.ALREADY_EXISTS);
      assert.equal(sameSerial.message, 'serial_number "SN-1" is taken by another asset');
    });

    it('names the field that cannot be', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const money = (price: object) => ({ ...laptop, purchase_price: { currency_code: 'VND', ...price } });
      const cases: [object, string][] = [
        [{ asset_id: 'Bad_ID', asset: laptop }, 'asset_id'],
        [{ asset_id: 'x' }, 'asset_id'],
        [{}, 'asset'],
        [{ asset: laptop, request_id: '7' }, 'request_id'],
        [{ asset: { ...laptop, display_name: '' } }, 'asset.display_name'],
        [{ asset: { ...laptop, display_name: 'x'.repeat(121) } }, 'asset.display_name'],
        [{ asset: { ...laptop, display_name: 'a\0b' } }, 'asset.display_name'],
        [{ asset: { ...laptop, category: 0 } }, 'asset.category'],
        [{ asset: { ...laptop, category: 77 } }, 'asset.category'],
        [{ asset: { ...laptop, status: 77 } }, 'asset.status'],
        [{ asset: { ...laptop, assignee: 'nobody' } }, 'asset.assignee'],
        [{ asset: money({ units: '-1' }) }, 'asset.purchase_price.units'],
        [{ asset: money({ nanos: -1 }) }, 'asset.purchase_price.nanos'],
        [{ asset: money({ nanos: 1_000_000_000 }) }, 'asset.purchase_price.nanos'],
        [{ asset: money({ currency_code: 'dong' }) }, 'asset.purchase_price.currency_code'],
        [{ asset: { ...laptop, purchase_time: { seconds: '999999999999' } } }, 'asset.purchase_time'],
        [{ asset: { ...laptop, labels: { UPPER: 'x' } } }, 'asset.labels.UPPER'],
      ];
      for (const [request, field] of cases) {
        const failure = await failureOf(client.create(request));
        assert.equal(failure.code, status.INVALID_ARGUMENT, field);
        assert.deepEqual(badFields(failure), [field]);
      }
      assert.deepEqual((await client.list({})).assets, []);
    });

    it('creates once for one request_id, however often it is sent', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const request = { asset: laptop, request_id: '0C6FE6F4-5D58-4F6A-9B35-2D6C5B0F1E11' };
      const [first, second] = await Promise.all([client.create(request), client.create(request)]);
      assert.deepEqual(second, first);
      const other = await failureOf(client.create({ ...request, asset_id: 'other-id' }));
      assert.deepEqual(badFields(other), ['request_id']);
      assert.equal((await client.list({})).assets.length, 1);
    });
  });
}

function describeUpdate(fixture: Fixture): void {
  describe('UpdateAsset', () => {
    const created = { asset_id: 'laptop-1', asset: { ...laptop, labels: { team: 'data', floor: '12' } } };

    it('changes what the mask names and nothing else', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const before = await client.create(created);
      const after = await client.update({
        asset: { asset_id: 'laptop-1', location: 'Saigon', display_name: 'ignored', labels: { team: 'web' } },
        update_mask: { paths: ['location', 'labels.team', 'labels.floor'] },
      });
      const { update_time, etag, ...content } = after;
      const { update_time: earlier, etag: oldEtag, ...oldContent } = before;
      assert.deepEqual(content, { ...oldContent, location: 'Saigon', labels: { team: 'web' } });
      assert.notEqual(etag, oldEtag);
      assert.ok(Number(update_time?.seconds) > Number(earlier?.seconds));
    });

    it('takes what is not empty without a mask, and everything with "*"', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create(created);
      const partial = await client.update({ asset: { asset_id: 'laptop-1', status: 'IN_USE' } });
      assert.equal(partial.status, 'IN_USE');
      assert.equal(partial.location, 'Hanoi');
      const whole = await client.update({
        asset: { asset_id: 'laptop-1', display_name: 'Spare', category: 'PHONE' },
        update_mask: { paths: ['*'] },
      });
      assert.equal(whole.status, 'IN_STOCK');
      assert.equal(whole.location, '');
      assert.deepEqual(whole.labels, {});
    });

    it('refuses paths that cannot be written, and results that cannot be', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create(created);
      await client.create({ asset_id: 'laptop-2', asset: { ...laptop, serial_number: 'SN-2' } });
      const update = (paths: string[], asset: object = {}) =>
        failureOf(client.update({ asset: { asset_id: 'laptop-1', ...asset }, update_mask: { paths } }));
      assert.deepEqual(badFields(await update(['create_time'])), ['update_mask']);
      assert.deepEqual(badFields(await update(['*', 'location'])), ['update_mask']);
      assert.deepEqual(badFields(await update(['display_name'])), ['asset.display_name']);
      assert.equal((await update(['serial_number'], { serial_number: 'SN-2' })).code, status.ALREADY_EXISTS);
      assert.deepEqual(badFields(await failureOf(client.update({ asset: {} }))), ['asset.asset_id']);
      assert.deepEqual(badFields(await failureOf(client.update({}))), ['asset']);
      assert.equal((await failureOf(client.update({ asset: { asset_id: 'nope' } }))).code, status.NOT_FOUND);
    });

    it('lets exactly one of many updates with the same etag through', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const { etag } = await client.create(created);
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          client.update({ asset: { asset_id: 'laptop-1', etag, location: `room ${index}` } }),
        ),
      );
      const failures = results.filter((result) => result.status === 'rejected');
      assert.equal(failures.length, 9);
      for (const { reason } of failures) {
        const failure = await failureOf(Promise.reject(reason));
        assert.equal(failure.code, status.ABORTED);
        assert.equal((failure.details['ErrorInfo'] as { reason: string }).reason, 'STALE_ETAG');
      }
    });

    it('says FAILED_PRECONDITION for a retired asset, and which rule', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create({ asset_id: 'laptop-1', asset: { ...laptop, status: 'RETIRED' } });
      const failure = await failureOf(client.update({ asset: { asset_id: 'laptop-1', location: 'x' } }));
      assert.equal(failure.code, status.FAILED_PRECONDITION);
      assert.deepEqual(failure.details['PreconditionFailure'], {
        violations: [{ type: 'ASSET_RETIRED', subject: 'laptop-1', description: 'is retired, which is final' }],
      });
    });
  });
}

function describeDelete(fixture: Fixture): void {
  describe('DeleteAsset', () => {
    it('deletes, once', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create({ asset_id: 'laptop-1', asset: laptop });
      await client.delete({ asset_id: 'laptop-1' });
      assert.equal((await failureOf(client.get({ asset_id: 'laptop-1' }))).code, status.NOT_FOUND);
      assert.equal((await failureOf(client.delete({ asset_id: 'laptop-1' }))).code, status.NOT_FOUND);
      assert.deepEqual(badFields(await failureOf(client.delete({}))), ['asset_id']);
    });

    it('says ABORTED for a stale etag, FAILED_PRECONDITION while in use without force', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const { etag: stale } = await client.create({ asset_id: 'laptop-1', asset: laptop });
      const { etag } = await client.update({ asset: { asset_id: 'laptop-1', status: 'IN_USE' } });
      const request = { asset_id: 'laptop-1', etag };
      assert.equal((await failureOf(client.delete({ ...request, etag: stale }))).code, status.ABORTED);
      assert.equal((await failureOf(client.delete(request))).code, status.FAILED_PRECONDITION);
      await client.delete({ ...request, force: true });
      assert.deepEqual((await client.list({})).assets, []);
    });
  });
}
