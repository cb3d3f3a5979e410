/**
 * Mutation testing of the engine and of the request validators: changes the code in small ways and counts which changes the
 * tests notice. Writes the scores to docs/mutation.md; the surviving mutants are printed, to be looked at.
 *
 *   node scripts/mutation.ts             all areas (hours)
 *   node scripts/mutation.ts hpack       one area
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

interface Area {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

/** The fastest first: a mutant that one of them notices is not shown to the rest. */
const connectionTests = [
  'src/http2/receive.test.ts',
  'src/http2/connection.test.ts',
  'src/http2/conformance-server.test.ts',
  'src/http2/flow-control.test.ts',
  'src/http2/limits-exact.test.ts',
  'src/http2/limits-costs.test.ts',
  'src/http2/conformance-client.test.ts',
  'src/http2/limits.test.ts',
];

const areas: Readonly<Record<string, Area>> = {
  hpack: {
    mutate: ['src/http2/hpack/*.ts', '!src/http2/hpack/*.test.ts'],
    tests: [
      'src/http2/hpack/dynamic-table.test.ts',
      'src/http2/hpack/literal-cache.test.ts',
      'src/http2/hpack/encoder.test.ts',
      'src/http2/hpack/decoder.test.ts',
      'src/http2/hpack/hpack.test.ts',
      'src/http2/hpack/static-table.test.ts',
    ],
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
  limits: {
    mutate: ['src/http2/abuse-score.ts', 'src/http2/recent-streams.ts', 'src/http2/stream-table.ts'],
    tests: [
      'src/http2/abuse-score.test.ts',
      'src/http2/stream-table.test.ts',
      'src/http2/limits-exact.test.ts',
      'src/http2/limits-costs.test.ts',
      'src/http2/limits.test.ts',
    ],
  },
  reader: { mutate: ['src/http2/reader.ts'], tests: ['src/http2/reader.test.ts', ...connectionTests] },
  receive: { mutate: ['src/http2/receive-*.ts'], tests: connectionTests },
  connection: { mutate: ['src/http2/connection.ts', 'src/http2/connection-core.ts'], tests: connectionTests },
  output: {
    mutate: ['src/http2/writer.ts', 'src/http2/output.ts', 'src/http2/slab-pool.ts'],
    tests: ['src/http2/connection.test.ts', 'src/http2/flow-control.test.ts', 'src/http2/limits.test.ts'],
  },
  requests: {
    mutate: ['src/decide/path.ts', 'src/proxy/request-head.ts'],
    tests: ['src/decide/path.test.ts', 'src/proxy/request-head.test.ts'],
  },
};

const root = dirname(import.meta.dirname);
const page = join(root, 'docs', 'mutation.md');
const work = join(root, 'coverage');

interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(areas);
mkdirSync(work, { recursive: true });
for (const name of wanted) {
  const area = areas[name];
  if (area === undefined) {
    process.stderr.write(`no area ${name}; areas: ${Object.keys(areas).join(', ')}\n`);
    process.exit(64);
  }
  writePage(run(name, area));
}

/** A table row for each file of the area. */
function run(name: string, area: Area): string[] {
  const report = join(work, `mutation-${name}.json`);
  const config = join(work, `stryker-${name}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      testRunner: 'tap',
      plugins: ['@stryker-mutator/tap-runner'],
      tap: { testFiles: area.tests, nodeArgs: ['--test-reporter=tap', '{{testFile}}'] },
      mutate: area.mutate,
      coverageAnalysis: 'off',
      checkers: [],
      // Types are stripped at run time; there is nothing to rewrite.
      tsconfigFile: 'none.json',
      symlinkNodeModules: true,
      ignorePatterns: ['node_modules', '.ci', 'coverage', 'examples', 'benchmarks', 'docs'],
      reporters: ['clear-text', 'json'],
      tempDirName: `coverage/stryker-${name}`,
      jsonReporter: { fileName: report },
      // Nothing here waits, so that one run for each processor is enough; one of them stays free for whoever works here.
      concurrency: Math.max(1, availableParallelism() - 1),
      timeoutMS: 20_000,
    }),
  );
  const { status } = spawnSync('npx', ['stryker', 'run', config], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const { files } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  return Object.entries(files)
    .filter(([, { mutants }]) => mutants.length > 0)
    .map(([file, { mutants }]) => {
      const count = (...kinds: readonly string[]): number =>
        mutants.filter((mutant) => kinds.includes(mutant.status)).length;
      const noticed = count('Killed', 'Timeout', 'RuntimeError', 'CompileError');
      const valid = noticed + count('Survived', 'NoCoverage');
      return `| \`${file}\` | ${valid} | ${valid - noticed} | ${((100 * noticed) / Math.max(1, valid)).toFixed(0)} % |`;
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
      'Small changes to the code, one at a time, and how many of them no test noticed. What survives was looked at; nearly all of',
      'it changes nothing that can be seen:',
      '',
      '- a fast path beside a slow one that gives the same: the caches of HPACK names and literals, the slot in which an encoder',
      '  looks first, short texts written character by character, a frame that lies in one chunk;',
      '- how many a cache holds by one more or less, when a ring or table grows, and which slot an entry takes;',
      '- an early no before a check that says no as well, since what is read beyond the end of a text is no character at all.',
      '',
      '| file | mutants | survived | score |',
      '| --- | --- | --- | --- |',
      ...table,
      '',
    ].join('\n'),
  );
}
