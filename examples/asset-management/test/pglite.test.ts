import { describe } from 'node:test';
import { openDatabase } from '../src/database/open.ts';
import { useDatabase } from './kit/fixture.ts';
import { describeUnary } from './suite/unary.ts';

describe('on the embedded database', () => {
  const fixture = useDatabase(() => openDatabase({ databaseUrl: undefined, dataDir: undefined }));
  describeUnary(fixture);
});
