/**
 * Mutation testing of the engine, of what feeds it and of the request validators: changes the code in small ways and counts which
 * changes the tests notice. Writes the scores to docs/mutation.md; the surviving mutants are printed, to be looked at.
 *
 *   node scripts/mutation.ts                   all areas
 *   node scripts/mutation.ts decoder           one area
 *   node scripts/mutation.ts --again decoder   what survived the last run of an area whose code is the same; after tests were added
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

interface Area {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

/** The fastest first: a mutant that one of them notices is not shown to the rest. */
const connectionTests = [
  'src/http2/pieces.test.ts',
  'src/http2/receive.test.ts',
  'src/http2/receive-edges.test.ts',
  'src/http2/connection.test.ts',
  'src/http2/conformance-server.test.ts',
  'src/http2/flow-control.test.ts',
  'src/http2/shared-windows.test.ts',
  'src/http2/grown-windows.test.ts',
  'src/http2/settings-midway.test.ts',
  'src/http2/long-lived.test.ts',
  'src/http2/connection-edges.test.ts',
  'src/http2/stream-pool.test.ts',
  'src/http2/limits-exact.test.ts',
  'src/http2/limits-costs.test.ts',
  'src/http2/conformance-client.test.ts',
  'src/http2/limits.test.ts',
];

const areas: Readonly<Record<string, Area>> = {
  decoder: {
    mutate: ['src/http2/hpack/decoder.ts', 'src/http2/hpack/literal-cache.ts'],
    tests: [
      'src/http2/hpack/literal-cache.test.ts',
      'src/http2/hpack/decoder.test.ts',
      'src/http2/hpack/hpack.test.ts',
    ],
  },
  encoder: {
    mutate: ['src/http2/hpack/encoder.ts', 'src/http2/hpack/dynamic-table.ts'],
    tests: [
      'src/http2/hpack/dynamic-table.test.ts',
      'src/http2/hpack/encoder.test.ts',
      'src/http2/hpack/encoder-edges.test.ts',
      'src/http2/hpack/hpack.test.ts',
    ],
  },
  // These two are made when they are loaded, so that each mutant needs a process of its own.
  tables: {
    mutate: ['src/http2/hpack/static-table.ts'],
    tests: ['src/http2/hpack/hpack.test.ts', 'src/http2/hpack/static-table.test.ts'],
  },
  huffman: {
    mutate: ['src/http2/hpack/huffman.ts', 'src/http2/hpack/huffman-table.ts'],
    tests: ['src/http2/hpack/huffman.test.ts', 'src/http2/hpack/hpack.test.ts'],
  },
  messages: {
    mutate: ['src/http2/message-rules.ts', 'src/http2/field-*.ts', '!src/http2/*.test.ts', 'src/http2/latin1.ts'],
    tests: [
      'src/http2/message-rules.test.ts',
      'src/http2/field-name.test.ts',
      'src/http2/field-text.test.ts',
      'src/http2/judge.test.ts',
      'src/http2/conformance-server.test.ts',
      'src/http2/conformance-client.test.ts',
    ],
  },
  fields: {
    mutate: ['src/http2/field.ts', 'src/http2/frame.ts', 'src/http2/stream.ts', 'src/http2/stream-pool.ts'],
    tests: [
      'src/http2/shared-fields.test.ts',
      'src/http2/judge.test.ts',
      'src/http2/message-rules.test.ts',
      'src/http2/stream-pool.test.ts',
      'src/http2/hpack/encoder.test.ts',
      'src/http2/hpack/decoder.test.ts',
      'src/http2/writer.test.ts',
      'src/http2/reader.test.ts',
      ...connectionTests,
    ],
  },
  limits: {
    mutate: ['src/http2/abuse-score.ts', 'src/http2/recent-streams.ts', 'src/http2/stream-table.ts'],
    tests: [
      'src/http2/abuse-score.test.ts',
      'src/http2/stream-table.test.ts',
      'src/http2/settings-midway.test.ts',
      'src/http2/long-lived.test.ts',
      'src/http2/connection-edges.test.ts',
      'src/http2/limits-exact.test.ts',
      'src/http2/limits-costs.test.ts',
      'src/http2/connection.test.ts',
      'src/http2/limits.test.ts',
    ],
  },
  reader: { mutate: ['src/http2/reader.ts'], tests: ['src/http2/reader.test.ts', ...connectionTests] },
  receive: { mutate: ['src/http2/receive-*.ts', '!src/http2/*.test.ts'], tests: connectionTests },
  connection: { mutate: ['src/http2/connection.ts', 'src/http2/connection-core.ts'], tests: connectionTests },
  output: {
    mutate: ['src/http2/writer.ts', 'src/http2/output.ts', 'src/http2/slab-pool.ts'],
    tests: ['src/http2/output.test.ts', 'src/http2/writer.test.ts', ...connectionTests],
  },
  // What each turn of the event loop brings and writes, and each byte of DATA that is relayed.
  turns: {
    mutate: [
      'src/transport/at-work.ts',
      'src/transport/backlog.ts',
      'src/transport/turn.ts',
      'src/proxy/connection-choice.ts',
      'src/proxy/dispatch-queue.ts',
      'src/grpc/message-counter.ts',
    ],
    tests: [
      'src/grpc/message-counter.test.ts',
      'src/proxy/connection-choice.test.ts',
      'src/proxy/dispatch-queue.test.ts',
      'src/transport/at-work.test.ts',
      'src/transport/backlog.test.ts',
      'src/transport/turn.test.ts',
    ],
  },
  requests: {
    mutate: ['src/decide/path.ts', 'src/proxy/request-head.ts'],
    tests: ['src/decide/path.test.ts', 'src/proxy/request-head.test.ts'],
  },
};

const root = dirname(import.meta.dirname);
const page = join(root, 'docs', 'mutation.md');
const work = join(root, 'coverage');

interface Mutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly location: {
    readonly start: { readonly line: number; readonly column: number };
    readonly end: { readonly line: number; readonly column: number };
  };
  status: string;
}

interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

const unnoticed: ReadonlySet<string> = new Set(['Survived', 'NoCoverage']);

const { values, positionals } = parseArgs({
  options: { again: { type: 'boolean', default: false } },
  allowPositionals: true,
});
mkdirSync(work, { recursive: true });
for (const name of positionals.length > 0 ? positionals : Object.keys(areas)) {
  const area = areas[name];
  if (area === undefined) {
    process.stderr.write(`no area ${name}; areas: ${Object.keys(areas).join(', ')}\n`);
    process.exit(64);
  }
  writePage(rowsOf(values.again ? runAgain(name, area) : run(name, area)));
}

/** Where the report of an area's last run is kept. */
function reportOf(name: string): string {
  return join(work, `mutation-${name}.json`);
}

function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

function run(name: string, area: Area): Report {
  stryker(reportOf(name), area);
  return readReport(reportOf(name));
}

/** The last run, with what is noticed of its survivors by now. */
function runAgain(name: string, { tests }: Area): Report {
  const last = readReport(reportOf(name));
  const changed = Object.keys(last.files).filter(
    (file) => readFileSync(join(root, file), 'utf8') !== last.files[file]?.source,
  );
  if (changed.length > 0) throw new Error(`changed since the last run: ${changed.join(', ')}`);
  const survivors = Object.entries(last.files).flatMap(([file, { mutants }]) =>
    mutants.filter(({ status }) => unnoticed.has(status)).map((mutant) => ({ file, mutant })),
  );
  if (survivors.length === 0) return last;
  const report = join(work, `mutation-${name}-again.json`);
  // Stryker counts columns from 0 here, from 1 in its reports.
  const places = survivors.map(
    ({
      file,
      mutant: {
        location: { start, end },
      },
    }) => `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`,
  );
  stryker(report, { mutate: [...new Set(places)], tests });
  const { files } = readReport(report);
  const key = ({ mutatorName, replacement, location }: Mutant): string =>
    JSON.stringify([mutatorName, replacement, location]);
  for (const { file, mutant } of survivors) {
    mutant.status = files[file]?.mutants.find((other) => key(other) === key(mutant))?.status ?? mutant.status;
  }
  writeFileSync(reportOf(name), JSON.stringify(last));
  return last;
}

function stryker(report: string, { mutate, tests }: Area): void {
  const config = report.replace(/json$/, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      testRunner: 'mutation-runner',
      plugins: [join(import.meta.dirname, 'mutation-runner.ts')],
      mutationTests: tests,
      warnings: { unknownOptions: false, slow: false },
      mutate,
      coverageAnalysis: 'perTest',
      checkers: [],
      // Types are stripped at run time; there is nothing to rewrite.
      tsconfigFile: 'none.json',
      symlinkNodeModules: true,
      ignorePatterns: ['node_modules', '.ci', 'coverage', 'examples', 'benchmarks', 'docs'],
      reporters: ['clear-text', 'json', 'progress-append-only'],
      tempDirName: report.replace(/\.json$/, ''),
      jsonReporter: { fileName: report },
      // Nothing here waits, so that one run for each processor is enough; one of them stays free for whoever works here.
      concurrency: Math.max(1, availableParallelism() - 1),
      // Only for what waits for ever; what runs for ever is stopped by `mutation-tests.ts`.
      timeoutMS: 120_000,
    }),
  );
  const { status } = spawnSync('npx', ['stryker', 'run', config], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'sallyport-mutation') },
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** A table row for each file. */
function rowsOf({ files }: Report): string[] {
  return Object.entries(files)
    .filter(([, { mutants }]) => mutants.length > 0)
    .map(([file, { mutants }]) => {
      const valid = mutants.filter(({ status }) => status !== 'Ignored').length;
      const survived = mutants.filter(({ status }) => unnoticed.has(status)).length;
      const score = (100 * (valid - survived)) / Math.max(1, valid);
      return `| \`${file}\` | ${valid} | ${survived} | ${score.toFixed(0)} % |`;
    });
}

/** Rows of files that were not measured this time stay. */
function writePage(rows: readonly string[]): void {
  const before = existsSync(page) ? readFileSync(page, 'utf8').split('\n') : [];
  const byFile = new Map(
    [...before.filter((line) => line.startsWith('| `')), ...rows].map((row) => [row.split('|')[1] ?? '', row]),
  );
  const table = [...byFile].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  writeFileSync(
    page,
    [
      '<!-- Generated from runs of `node scripts/mutation.ts`. -->',
      '# Mutation testing',
      '',
      'Small changes to the code, one at a time, and how many of them no test noticed. Each row is of the last run of its area.',
      '',
      '`npm run mutation -- connection` runs one area, `npm run mutation -- --again connection` what survived its last run.',
      '550 mutants take 3 to 4 minutes of one processor: many are tried in one process, and only those that no test there noticed once',
      'more in one of their own (`scripts/mutation-runner.ts`). What survives was looked at; it changes nothing that can be seen but',
      'time and memory:',
      '',
      '- a fast path beside a slow one that gives the same: the caches of HPACK names and literals and of paths, the slot in which an',
      '  encoder looks first, an index in one byte, short texts written character by character, a frame that lies in one chunk, a header',
      '  block that fits one frame, prefixes of messages that are whole, streams looked at only if their window grew;',
      '- how many a cache holds by one more or less, when a ring or table grows, which slot an entry takes, and which seed a name gets;',
      '- an early answer before a check that gives the same one, since what is read beyond the end of a text is no character at all;',
      '- a border on which both sides come to the same: of two equal sizes the lower one, nothing earned in no time, a loop that goes',
      '  one step further and finds nothing, an id that cannot be there;',
      '- work that comes to nothing: no bytes copied, no slab given back, a byte written where the next frame begins, the budget looked',
      '  at once more within one frame;',
      '- what something is before it is set for the first time;',
      '- the name of an encoding for text that is ASCII.',
      '',
      '| file | mutants | survived | score |',
      '| --- | --- | --- | --- |',
      ...table,
      '',
    ].join('\n'),
  );
}
