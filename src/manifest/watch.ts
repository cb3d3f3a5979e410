import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { stat } from 'node:fs/promises';
import { hashRead, parseRead, type HashedRead, type LoadResult } from './load.ts';
import { readPaths, type ReadOptions } from './read.ts';

/**
 * Editors write in several steps; what comes within this time of each other, in milliseconds, is one change. The steps of one
 * save follow each other within a millisecond or two, on a loaded machine too, because nothing waits between them.
 */
const debounceMs = 10;

/**
 * A file that has become empty is mostly one that is being written: cut to nothing, and the new text not there yet. It is
 * looked at once more after this long, in milliseconds, before it is believed.
 */
const emptyMs = 100;

/**
 * File events are lost on network and container mounts and when the system runs out of watches, so all files are also
 * compared at this interval. Five seconds is what one still waits for without reaching for the keyboard.
 */
const pollMs = 5_000;

/** Timers and file events as arguments, so that tests need not wait. */
export interface WatchTools {
  readonly setTimer: (callback: () => void, delayMs: number) => { cancel(): void };
  /** Calls back when something at or below the path may have changed; throws where that cannot be had. */
  readonly watchFiles: (
    path: string,
    options: { readonly recursive: boolean },
    changed: () => void,
  ) => { close(): void };
}

export interface WatchOptions extends ReadOptions {
  /** What the caller has already; absent: the first content is reported as a change. */
  readonly since?: LoadResult;
  readonly tools?: WatchTools;
}

export interface Watch {
  /** Settles when file events are on and what came before them was compared. */
  readonly ready: Promise<void>;
  close(): void;
  /** Compares now, as a timer would; settles when done. */
  check(): Promise<void>;
}

/**
 * Reports the new content whenever a file below the paths is changed, added, removed or renamed. Contents decide, not
 * events: saving the same bytes again reports nothing. Sees atomic renames, new sub-directories, and the swap of the
 * `..data` link that Kubernetes makes in mounted ConfigMaps.
 */
export function watchPaths(
  paths: readonly string[],
  onChange: (loaded: LoadResult) => void,
  options: WatchOptions = {},
): Watch {
  const tools = options.tools ?? systemTools;
  const watchers: { close(): void }[] = [];
  let known = options.since;
  let closed = false;
  let debounce: { cancel(): void } | undefined;
  let poll: { cancel(): void } | undefined;
  let running: Promise<void> = Promise.resolve();

  const compare = async (isSecondLook: boolean): Promise<void> => {
    const hashed = hashRead(await readPaths(paths, options, known?.parsed), known);
    if (closed || hashed.digest === known?.digest) return;
    if (isBeingWritten(hashed, known) && !isSecondLook) {
      debounce?.cancel();
      debounce = tools.setTimer(() => void check(true), emptyMs);
      return;
    }
    known = parseRead(hashed, known);
    onChange(known);
  };
  // One after the other, so that an older reading can never overtake a newer one.
  const check = (isSecondLook = false): Promise<void> => (running = running.then(() => compare(isSecondLook)));
  const soon = (): void => {
    debounce?.cancel();
    debounce = tools.setTimer(() => void check(), debounceMs);
  };
  const pollAgain = (): void => {
    poll = tools.setTimer(() => void check().then(() => (closed ? undefined : pollAgain())), pollMs);
  };

  const watched = paths.filter((path) => path !== '-');
  const started = watched.map((path) =>
    startWatching({ path, tools, watchers, changed: soon, isClosed: () => closed }),
  );
  pollAgain();
  return {
    ready: Promise.all(started).then(() => check()),
    check: () => check(),
    close: () => {
      closed = true;
      debounce?.cancel();
      poll?.cancel();
      for (const watcher of watchers.splice(0)) watcher.close();
    },
  };
}

function isBeingWritten({ read }: HashedRead, known: LoadResult | undefined): boolean {
  return read.files.some(({ path, bytes }) => bytes?.length === 0 && (known?.parsed.get(path)?.size ?? 0) > 0);
}

async function startWatching(target: {
  readonly path: string;
  readonly tools: WatchTools;
  readonly watchers: { close(): void }[];
  readonly changed: () => void;
  readonly isClosed: () => boolean;
}): Promise<void> {
  try {
    const isDirectory = (await stat(target.path)).isDirectory();
    if (target.isClosed()) return;
    // A file is watched through its directory: an atomic rename replaces the file that a watch would hold on to.
    const [path, recursive] = isDirectory ? [target.path, true] : [dirname(target.path), false];
    target.watchers.push(target.tools.watchFiles(path, { recursive }, target.changed));
  } catch {
    // A path that is not there yet, or no watches left: the poll sees it.
  }
}

const systemTools: WatchTools = {
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  watchFiles: (path, { recursive }, changed) => {
    const watcher: FSWatcher = watch(path, { recursive }, changed);
    // A directory that goes away ends its watch with an error; the poll goes on.
    watcher.on('error', () => watcher.close());
    return watcher;
  },
};
