import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { loadPaths, type LoadResult } from './load.ts';
import { watchPaths, type Watch, type WatchTools } from './watch.ts';

const root = mkdtempSync(join(tmpdir(), 'manifest-watch-'));
after(() => rmSync(root, { recursive: true }));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`;
const write = (file: string, name: string): void => writeFileSync(join(folder, file), namespace(name));

/** Changes as they come; `next()` waits for the one after those already taken. */
function changes(): { onChange: (loaded: LoadResult) => void; next: () => Promise<string[]>; all: string[][] } {
  const all: string[][] = [];
  const waiting: ((names: string[]) => void)[] = [];
  let taken = 0;
  return {
    all,
    onChange: ({ documents }) => {
      all.push(documents.map(({ name }) => name));
      waiting.shift()?.(all[taken++] as string[]);
    },
    next: () =>
      new Promise((resolve) => {
        if (taken < all.length) resolve(all[taken++] as string[]);
        else waiting.push(resolve);
      }),
  };
}

/** Timers fired by hand; no file events. */
function handTools(): WatchTools & { fire: (delayMs: number) => void; event: () => void } {
  const timers = new Map<() => void, number>();
  const listeners: (() => void)[] = [];
  return {
    setTimer: (callback, delayMs) => {
      timers.set(callback, delayMs);
      return { cancel: () => void timers.delete(callback) };
    },
    watchFiles: (_path, _options, changed) => {
      listeners.push(changed);
      return { close: () => void listeners.splice(0) };
    },
    fire: (delayMs) => {
      const due = [...timers].filter(([, delay]) => delay === delayMs);
      for (const [callback] of due) {
        timers.delete(callback);
        callback();
      }
    },
    event: () => {
      for (const listener of listeners) listener();
    },
  };
}

describe('watchPaths with timers by hand', () => {
  test('several events are one reading, and the same content is no change', async () => {
    write('a.yaml', 'one');
    const tools = handTools();
    const seen = changes();
    const since = await loadPaths([folder]);
    const watch = watchPaths([folder], seen.onChange, { since, tools });
    await watch.ready;
    assert.deepEqual(seen.all, []);
    write('a.yaml', 'two');
    tools.event();
    tools.event();
    tools.fire(10);
    assert.deepEqual(await seen.next(), ['two']);
    write('a.yaml', 'two');
    tools.event();
    tools.fire(10);
    await watch.check();
    assert.deepEqual(seen.all, [['two']]);
    watch.close();
  });

  test('the poll sees what no event told, and what changed before the watch began', async () => {
    write('a.yaml', 'one');
    const tools = handTools();
    const seen = changes();
    const since = await loadPaths([folder]);
    write('a.yaml', 'between');
    const watch = watchPaths([folder, '-'], seen.onChange, { since, tools, stdin: Buffer.from('') });
    assert.deepEqual(await seen.next(), ['between']);
    rmSync(join(folder, 'a.yaml'));
    tools.fire(5_000);
    assert.deepEqual(await seen.next(), []);
    watch.close();
  });

  test('a file that has become empty is looked at again before it is believed', async () => {
    write('a.yaml', 'one');
    const tools = handTools();
    const seen = changes();
    const since = await loadPaths([folder]);
    const watch = watchPaths([folder], seen.onChange, { since, tools });
    await watch.ready;
    writeFileSync(join(folder, 'a.yaml'), '');
    await watch.check();
    write('a.yaml', 'two');
    tools.fire(100);
    assert.deepEqual(await seen.next(), ['two']);
    writeFileSync(join(folder, 'a.yaml'), '');
    await watch.check();
    assert.deepEqual(seen.all, [['two']]);
    tools.fire(100);
    assert.deepEqual(await seen.next(), []);
    watch.close();
  });

  test('after close nothing is reported', async () => {
    write('a.yaml', 'one');
    const tools = handTools();
    const seen = changes();
    const watch = watchPaths([folder], seen.onChange, { tools });
    watch.close();
    await watch.ready;
    tools.fire(5_000);
    await watch.check();
    assert.deepEqual(seen.all, []);
  });
});

describe('watchPaths with the file system', () => {
  let watch: Watch | undefined;
  after(() => watch?.close());

  test('sees atomic renames, new directories, and the link swap of a mounted ConfigMap', async () => {
    mkdirSync(join(folder, '..v1'));
    writeFileSync(join(folder, '..v1/mounted.yaml'), namespace('mounted-one'));
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/mounted.yaml', join(folder, 'mounted.yaml'));
    const seen = changes();
    watch = watchPaths([folder], seen.onChange);
    await watch.ready;
    assert.deepEqual(await seen.next(), ['mounted-one']);

    writeFileSync(join(folder, '.a.tmp'), namespace('renamed'));
    renameSync(join(folder, '.a.tmp'), join(folder, 'a.yaml'));
    assert.deepEqual(await seen.next(), ['renamed', 'mounted-one']);

    mkdirSync(join(folder, 'new'));
    write('new/b.yaml', 'below');
    assert.deepEqual(await seen.next(), ['renamed', 'mounted-one', 'below']);

    mkdirSync(join(folder, '..v2'));
    writeFileSync(join(folder, '..v2/mounted.yaml'), namespace('mounted-two'));
    symlinkSync('..v2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    assert.deepEqual(await seen.next(), ['renamed', 'mounted-two', 'below']);
    watch.close();
  });

  test('a single file is seen through an atomic rename', async () => {
    write('one.yaml', 'before');
    const seen = changes();
    watch = watchPaths([join(folder, 'one.yaml')], seen.onChange);
    await watch.ready;
    assert.deepEqual(await seen.next(), ['before']);
    write('.tmp', 'after');
    renameSync(join(folder, '.tmp'), join(folder, 'one.yaml'));
    assert.deepEqual(await seen.next(), ['after']);
    watch.close();
  });
});
