/**
 * A program for tests: an AssetService on `PORT` that answers NOT_SERVING until its parent says `serve` on the loopback port
 * given as argument, where it also says how often it has been asked.
 */
import { connect } from 'node:net';
import { startAssetBackend } from './asset-service.ts';

const backend = await startAssetBackend({ port: Number(process.env['PORT']) });
const { statuses, asked } = backend.health;
for (const name of statuses.keys()) statuses.set(name, 'NOT_SERVING');
const parent = connect(Number(process.argv[2]), '127.0.0.1');
parent.on('data', () => {
  for (const name of statuses.keys()) statuses.set(name, 'SERVING');
});
parent.on('close', () => process.exit(0));
for (;;) {
  await backend.health.nextQuestion();
  parent.write(`asked ${asked.length}\n`);
}
