import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { protoPath as healthProto } from 'grpc-health-check';
import { connectClient, readerOf } from './kit/client.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const buf = join(root, '../../node_modules/.bin/buf');

interface RunningProcess {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startProcess(environment: Record<string, string>): Promise<RunningProcess> {
  const { DATABASE_URL: _unused, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, 'src/main.ts')], {
    env: { ...inherited, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [string | number | null];
  const match = /^listening on 127\.0\.0\.1:(\d+)$/.exec(String(line));
  assert.ok(match, `the process said ${String(line)}`);
  return { child, port: Number(match[1]) };
}

describe('the process', () => {
  it('keeps its data directory, stops gracefully on SIGTERM, and at once on the second', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'asset-data-'));
    context.after(() => rmSync(directory, { recursive: true }));
    const environment = { ASSET_DATA_DIR: join(directory, 'data') };

    const first = await startProcess(environment);
    const client = connectClient(first.port);
    assert.equal((await client.get({})).asset_id, 'access-point-danang-02');
    await client.delete({ asset_id: 'access-point-danang-02' });
    client.close();
    const firstExit = once(first.child, 'exit');
    first.child.kill('SIGTERM');
    assert.deepEqual(await firstExit, [0, null]);

    const second = await startProcess(environment);
    const again = connectClient(second.port);
    assert.equal((await again.get({})).asset_id, 'boardroom-table-hanoi');
    const call = again.reconcile();
    call.on('error', () => {});
    call.write({ asset_id: 'boardroom-table-hanoi' });
    assert.equal((await readerOf(call).next()).verdict, 'MATCH');
    const watch = readerOf(again.watch({}));
    await watch.next();
    const secondExit = once(second.child, 'exit');
    second.child.kill('SIGTERM');
    // The watch ends with the first signal; the call in flight holds the process.
    await assert.rejects(watch.next());
    second.child.kill('SIGTERM');
    assert.deepEqual(await secondExit, [1, null]);
    again.close();
  });
});

describe('the descriptors for reflection', () => {
  const skip = existsSync(buf) ? false : 'buf is not installed';
  const sources = {
    'asset.binpb': { directory: join(root, 'proto'), file: 'asset.proto' },
    'health.binpb': { directory: dirname(dirname(dirname(healthProto))), file: 'health/v1/health.proto' },
  };

  for (const [name, { directory, file }] of Object.entries(sources)) {
    it(`${name} is what a compiler makes of ${file}`, { skip }, () => {
      const options = ['--as-file-descriptor-set', '--path', join(directory, file), '-o', '-'];
      const current = execFileSync(buf, ['build', directory, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
      const committed = readFileSync(join(root, 'proto', name));
      assert.ok(committed.equals(current), 'write it anew with the commands in README.md');
    });
  }
});
