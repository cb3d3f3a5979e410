import { describe } from 'node:test';
import { openDatabase } from '../src/database/open.ts';
import { useDatabase } from './kit/fixture.ts';
import { findPostgres, startPostgres } from './kit/postgres.ts';
import { describeList } from './suite/list.ts';
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
});
