import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDatabase } from '../src/database/open.ts';
import { startServer } from '../src/server.ts';
import { connectClient, readerOf } from './kit/client.ts';
import { useDatabase } from './kit/fixture.ts';
import { findPostgres, startPostgres } from './kit/postgres.ts';
import { describeList } from './suite/list.ts';
import { describeServer } from './suite/server.ts';
import { describeStreams } from './suite/streams.ts';
import { describeUnary } from './suite/unary.ts';

const givenUrl = process.env['DATABASE_URL_TEST'];
const bin = findPostgres();
const skip =
  givenUrl === undefined && bin === undefined
    ? 'neither DATABASE_URL_TEST nor PostgreSQL in /usr/lib/postgresql is there'
    : false;

describe('on PostgreSQL', { skip }, () => {
  const fixture = useDatabase(async () => {
    if (givenUrl !== undefined) return await openDatabase({ databaseUrl: givenUrl, dataDir: undefined });
    const postgres = await startPostgres(bin ?? '');
    const opened = await openDatabase({ databaseUrl: postgres.url, dataDir: undefined });
    return {
      ...opened,
      close: async () => {
        await opened.close();
        await postgres.stop();
      },
    };
  });
  describeUnary(fixture);
  describeList(fixture);
  describeStreams(fixture);
  describeServer(fixture);

  it('shows a watch at one server what another server has written', async () => {
    await using service = await fixture.start();
    const other = await startServer(service.opened, { host: '127.0.0.1', port: 0, pollIntervalMs: 20 });
    const client = connectClient(other.port);
    const reader = readerOf(client.watch({}));
    assert.equal((await reader.next()).type, 'SYNCED');
    await service.client.create({ asset_id: 'phone-1', asset: { display_name: 'Phone', category: 'PHONE' } });
    const event = await reader.next();
    assert.equal(event.asset?.asset_id, 'phone-1');
    client.close();
    await other.stop();
  });
});
