import { describe } from 'node:test';
import { openDatabase } from '../src/database/open.ts';
import { useDatabase } from './kit/fixture.ts';
import { describeList } from './suite/list.ts';
import { describeServer } from './suite/server.ts';
import { describeStreams } from './suite/streams.ts';
import { describeUnary } from './suite/unary.ts';

describe('on the embedded database', () => {
  const fixture = useDatabase(() => openDatabase({ databaseUrl: undefined, dataDir: undefined }));
  describeUnary(fixture);
  describeList(fixture);
  describeStreams(fixture);
  describeServer(fixture);
});
