import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { ReconcileFinding, WatchAssetsResponse } from '../../src/messages.ts';
import { badFields, failureOf, readerOf } from '../kit/client.ts';
import type { Fixture, Service } from '../kit/fixture.ts';

const phone = { display_name: 'Phone', category: 'PHONE', location: 'shelf 1' };

/** The number of messages that the streams must stand each way. */
const MANY = 10_000;

function manyItems(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    asset_id: `phone-${String(index).padStart(6, '0')}`,
    asset: { ...phone, serial_number: `S${index}` },
  }));
}

/** Resolves once so many watches wait for changes. */
async function untilWaiting({ server }: Service, count: number): Promise<void> {
  while (server.waitingWatches !== count) await nextTurn();
}

export function describeStreams(fixture: Fixture): void {
  describeWatch(fixture);
  describeWatchEnds(fixture);
  describeImport(fixture);
  describeReconcile(fixture);
}

function describeWatch(fixture: Fixture): void {
  describe('WatchAssets', () => {
    it('sends the snapshot, SYNCED, then every change in order', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const created = await client.create({ asset_id: 'phone-1', asset: phone });
      const call = client.watch({ include_snapshot: true });
      const reader = readerOf(call);
      const snapshot = await reader.next();
      assert.equal(snapshot.type, 'SNAPSHOT');
      assert.deepEqual(snapshot.asset, created);
      assert.equal(snapshot.resume_token, '');
      assert.equal((await reader.next()).type, 'SYNCED');
      await client.create({ asset_id: 'phone-2', asset: phone });
      const updated = await client.update({ asset: { asset_id: 'phone-1', location: 'shelf 2' } });
      await client.delete({ asset_id: 'phone-2' });
      const changes = [await reader.next(), await reader.next(), await reader.next()];
      assert.deepEqual(
        changes.map((change) => [change.type, change.asset?.asset_id]),
        [
          ['CREATED', 'phone-2'],
          ['UPDATED', 'phone-1'],
          ['DELETED', 'phone-2'],
        ],
      );
      assert.deepEqual(changes[1]?.asset, updated);
      assert.deepEqual(changes[1]?.change_time, updated.update_time);
      call.cancel();
    });

    it('resumes after any event without a gap or a repetition', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const call = client.watch({});
      const reader = readerOf(call);
      const tokens = [(await reader.next()).resume_token];
      for (let index = 0; index < 5; index++) {
        await client.create({ asset_id: `phone-${index}`, asset: phone });
        tokens.push((await reader.next()).resume_token);
      }
      call.cancel();
      for (const [seen, resume_token] of tokens.entries()) {
        const events = await readerOf(client.watch({ resume_token, end_when_synced: true })).rest();
        const ids = events.map((event) => event.asset?.asset_id);
        assert.deepEqual(ids, [...[0, 1, 2, 3, 4].slice(seen).map((index) => `phone-${index}`), undefined]);
        assert.equal(events.at(-1)?.type, 'SYNCED');
        assert.equal(events.at(-1)?.resume_token, tokens.at(-1));
      }
    });

    it('together with a snapshot gives the register, whatever happens meanwhile', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.import(manyItems(1500));
      const call = client.watch({ include_snapshot: true });
      const copy = new Map<string, string>();
      const busy = (async () => {
        for (let index = 0; index < 60; index++) {
          await client.update({
            asset: { asset_id: `phone-${String(index * 20).padStart(6, '0')}`, location: 'moved' },
          });
          await client.delete({ asset_id: `phone-${String(index * 20 + 1).padStart(6, '0')}` });
        }
        await client.create({ asset_id: 'the-end', asset: phone });
      })();
      for await (const { type, asset } of call as AsyncIterable<WatchAssetsResponse>) {
        if (asset === null) continue;
        if (type === 'SNAPSHOT' || type === 'CREATED') assert.equal(copy.has(asset.asset_id), false, asset.asset_id);
        if (type === 'DELETED') copy.delete(asset.asset_id);
        else copy.set(asset.asset_id, asset.etag);
        if (asset.asset_id === 'the-end') break;
      }
      await busy;
      const { assets, next_page_token } = await client.list({ page_size: 1000 });
      const rest = await client.list({ page_size: 1000, page_token: next_page_token });
      const register = [...assets, ...rest.assets].map((asset) => [asset.asset_id, asset.etag] as const);
      assert.deepEqual(copy, new Map(register));
    });
  });
}

function describeWatchEnds(fixture: Fixture): void {
  describe('WatchAssets: its end', () => {
    it('refuses tokens that are none, and combinations that mean nothing', async () => {
      await using service = await fixture.start();
      const watch = (request: object) => failureOf(readerOf(service.client.watch(request)).next());
      assert.deepEqual(badFields(await watch({ resume_token: 'rubbish' })), ['resume_token']);
      const both = await watch({ resume_token: 'rubbish', include_snapshot: true });
      assert.deepEqual(badFields(both), ['include_snapshot']);
      const foreign = Buffer.from('00000000-0000-4000-8000-000000000000 1').toString('base64url');
      assert.equal((await watch({ resume_token: foreign })).code, status.OUT_OF_RANGE);
    });

    it('says OUT_OF_RANGE for a token whose changes are no longer kept', async () => {
      await using service = await fixture.start({ retainedChanges: 10n });
      const { client } = service;
      const token = (await readerOf(client.watch({ end_when_synced: true })).next()).resume_token;
      await client.import(manyItems(11));
      const failure = await failureOf(readerOf(client.watch({ resume_token: token })).next());
      assert.equal(failure.code, status.OUT_OF_RANGE);
      assert.equal((failure.details['ErrorInfo'] as { reason: string }).reason, 'RESUME_TOKEN_EXPIRED');
    });

    it('stops its work when the client cancels', async () => {
      await using service = await fixture.start();
      const call = service.client.watch({});
      await readerOf(call).next();
      await untilWaiting(service, 1);
      call.on('error', () => {});
      call.cancel();
      await untilWaiting(service, 0);
    });

    it('stops its work when the deadline passes', async () => {
      await using service = await fixture.start();
      const reader = readerOf(service.client.watch({}, { deadline: Date.now() + 300 }));
      await reader.next();
      await untilWaiting(service, 1);
      assert.equal((await failureOf(reader.next())).code, status.DEADLINE_EXCEEDED);
      await untilWaiting(service, 0);
    });

    it('is UNAVAILABLE when the server stops, and the watch goes on at the next one', async () => {
      await using service = await fixture.start();
      const reader = readerOf(service.client.watch({}));
      await reader.next();
      await untilWaiting(service, 1);
      await service.server.stop();
      const failure = await failureOf(reader.next());
      assert.equal(failure.code, status.UNAVAILABLE);
      assert.equal((failure.details['ErrorInfo'] as { reason: string }).reason, 'SERVER_STOPPING');
    });
  });
}

function describeImport(fixture: Fixture): void {
  describe('ImportAssets', () => {
    it('counts what was created, overwritten and refused, in order', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create({ asset_id: 'phone-1', asset: { ...phone, serial_number: 'A' } });
      await client.create({ asset_id: 'phone-2', asset: { ...phone, status: 'RETIRED' } });
      const result = await client.import([
        { asset_id: 'phone-1', asset: phone },
        { asset_id: 'phone-1', asset: { ...phone, location: 'shelf 9' }, overwrite: true },
        { asset_id: 'phone-2', asset: phone, overwrite: true },
        { asset_id: 'phone-3', asset: { ...phone, serial_number: 'B' }, overwrite: true },
        { asset_id: 'phone-4', asset: { ...phone, serial_number: 'B' } },
        { asset_id: 'phone-3', asset: { ...phone, serial_number: 'C' }, overwrite: true },
        { asset: { ...phone, display_name: '' } },
        { asset_id: 'phone-5', asset: { ...phone, serial_number: 'B' } },
        {},
      ]);
      const { failures, ...counts } = result;
      assert.deepEqual(counts, {
        received_count: '9',
        created_count: '2',
        overwritten_count: '2',
        failed_count: '5',
      });
      assert.deepEqual(
        failures.map(({ index, asset_id, code, field }) => [index, asset_id, code, field]),
        [
          ['0', 'phone-1', status.ALREADY_EXISTS, 'asset_id'],
          ['2', 'phone-2', status.FAILED_PRECONDITION, ''],
          ['4', 'phone-4', status.ALREADY_EXISTS, 'serial_number'],
          ['6', '', status.INVALID_ARGUMENT, 'asset.display_name'],
          ['8', '', status.INVALID_ARGUMENT, 'asset'],
        ],
      );
      assert.equal((await client.get({ asset_id: 'phone-1' })).location, 'shelf 9');
      assert.equal((await client.get({ asset_id: 'phone-3' })).serial_number, 'C');
    });

    it('tells only the first thousand failures', async () => {
      await using service = await fixture.start();
      const result = await service.client.import(Array.from({ length: 1200 }, () => ({ asset_id: 'BAD' })));
      assert.equal(result.failed_count, '1200');
      assert.equal(result.failures.length, 1000);
      assert.equal(result.failures[999]?.index, '999');
    });

    it('ends with the client that cancels, and serves the next', async () => {
      await using service = await fixture.start();
      const { client } = service;
      const call = client.raw.ImportAssets(() => {});
      call.write({ asset_id: 'phone-1', asset: phone });
      const reader = readerOf(client.watch({ include_snapshot: true }));
      for (let event = await reader.next(); event.asset === null;) event = await reader.next();
      call.cancel();
      assert.equal((await client.import([{ asset_id: 'phone-2', asset: phone }])).created_count, '1');
    });

    it(`takes ${MANY} assets, and a watch gives them all back to a slow reader`, async () => {
      await using service = await fixture.start();
      const { client } = service;
      const result = await client.import(manyItems(MANY));
      assert.equal(result.created_count, String(MANY));
      const call = client.watch({ include_snapshot: true, end_when_synced: true });
      let count = 0;
      for await (const event of call as AsyncIterable<WatchAssetsResponse>) {
        if (event.type === 'SNAPSHOT') count += 1;
        if (count % 500 === 0) await nextTurn();
      }
      assert.equal(count, MANY);
    });
  });
}

function describeReconcile(fixture: Fixture): void {
  describe('ReconcileAssets', () => {
    it('answers every scan while the stream is still open', async () => {
      await using service = await fixture.start();
      const { client } = service;
      await client.create({ asset_id: 'phone-1', asset: { ...phone, serial_number: 'A' } });
      const call = client.reconcile();
      const reader = readerOf(call);
      const ask = async (scan: object) => {
        call.write(scan);
        const { verdict, asset_id, differences } = await reader.next();
        return { verdict, asset_id, differences };
      };
      const known = { asset_id: 'phone-1', differences: [] };
      assert.deepEqual(await ask({ asset_id: 'phone-1' }), { ...known, verdict: 'MATCH' });
      assert.deepEqual(await ask({ serial_number: 'A', observed_location: 'shelf 1' }), { ...known, verdict: 'MATCH' });
      assert.deepEqual(await ask({ serial_number: 'A', observed_location: 'street', observed_status: 'LOST' }), {
        verdict: 'MISMATCH',
        asset_id: 'phone-1',
        differences: [
          { field: 'location', registered: 'shelf 1', observed: 'street' },
          { field: 'status', registered: 'IN_STOCK', observed: 'LOST' },
        ],
      });
      const unknown = { verdict: 'UNKNOWN_ASSET', differences: [] };
      assert.deepEqual(await ask({ asset_id: 'nope' }), { ...unknown, asset_id: 'nope' });
      assert.deepEqual(await ask({ asset_id: 'no\0pe' }), { ...unknown, asset_id: 'no\0pe' });
      assert.deepEqual(await ask({ serial_number: 'nope' }), { ...unknown, asset_id: '' });
      assert.deepEqual(await ask({}), { verdict: 'UNREADABLE', asset_id: '', differences: [] });
      call.end();
      assert.deepEqual(await reader.rest(), []);
    });

    it(`answers ${MANY} scans in order`, async () => {
      await using service = await fixture.start({ seeded: true });
      const call = service.client.reconcile();
      let sent = 0;
      const sending = (async () => {
        for (; sent < MANY; sent++) {
          const scan = { asset_id: 'laptop-0417', observed_location: `room ${'x'.repeat(100)}` };
          if (!call.write(scan)) await once(call, 'drain');
        }
        call.end();
      })();
      let expected = 0;
      for await (const finding of call as AsyncIterable<ReconcileFinding>) {
        assert.equal(finding.scan_index, String(expected++));
        assert.equal(finding.verdict, 'MISMATCH');
      }
      await sending;
      assert.equal(expected, MANY);
    });
  });
}
