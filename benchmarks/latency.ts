/**
 * What both hops add to one call of the example: GetAsset on its real service with its real database, straight and through
 * gateway and sidecar, in alternating batches, one call at a time.
 *
 *   node benchmarks/latency.ts [calls]
 */
import { join } from 'node:path';
import { assetClient, type AssetClient } from '../test/kit/asset-service.ts';
import { wholeExample } from '../test/kit/manifests.ts';
import { SallyportProcess } from '../test/kit/sallyport-process.ts';

const calls = Number(process.argv[2] ?? 3_000);
const batch = 100;

const config = join(import.meta.dirname, '..', 'examples', 'asset-management', 'sallyport.yaml');
const mesh = new SallyportProcess(['run', ...wholeExample(), '--config', config, '--access-log', 'off']);
try {
  await mesh.ready();
  const service = mesh.run.workloads[0]?.address ?? '';
  const straight = assetClient(service);
  const through = assetClient(mesh.listener('gateway/public-api-gateway'), { authority: 'sit-gateway.tcex.com.vn' });
  const times = { straight: [] as number[], through: [] as number[] };
  await measure(straight, 500);
  await measure(through, 500);
  while (times.through.length < calls) {
    times.straight.push(...(await measure(straight, batch)));
    times.through.push(...(await measure(through, batch)));
  }
  for (const [name, durations] of Object.entries(times)) {
    durations.sort((a, b) => a - b);
    const at = (share: number) => (durations[Math.floor(durations.length * share)] ?? Number.NaN).toFixed(2);
    process.stdout.write(`${name.padEnd(9)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   of ${durations.length} calls\n`);
  }
  straight.close();
  through.close();
} finally {
  await mesh.stop();
}

async function measure(client: AssetClient, count: number): Promise<number[]> {
  const durations: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedMs = performance.now();
    await client.unary('GetAsset', { asset_id: 'access-point-danang-02' });
    durations.push(performance.now() - startedMs);
  }
  return durations;
}
