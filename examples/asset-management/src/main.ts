import { readConfig } from './config.ts';
import { openDatabase } from './database/open.ts';
import { seed } from './database/seed.ts';
import { startServer } from './server.ts';

/**
 * The port opens only when the database is ready, so whoever can connect is served: the line below, an open port and the
 * health service all say the same.
 */
const config = readConfig(process.env);
const opened = await openDatabase(config);
if (config.seed) await seed(opened.database, new Date());
const server = await startServer(opened, config);
console.log(`listening on ${config.host}:${server.port}`);

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) {
      console.error(`asset-management: ${signal} again: stopping at once`);
      process.exit(1);
    }
    stopping = true;
    console.error(`asset-management: ${signal}: finishing the calls in flight`);
    void server.stop().then(async () => {
      await opened.close();
      process.exit(0);
    });
  });
}
