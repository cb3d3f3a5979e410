/**
 * Every limit on the page of limits is shown by a test at it and one past it: by one of its own folder whose title has the
 * limit's name, or by one named here. A new limit without either fails.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allLimits } from '../scripts/limits-page.ts';

const root = dirname(import.meta.dirname);

/** By file of limits: names whose tests are elsewhere or have titles of their own: a file, and what its title begins with. */
const shownElsewhere: Readonly<Record<string, Readonly<Record<string, readonly [file: string, title: string]>>>> = {
  'src/http2/limits.ts': {
    maxConcurrentStreams: ['src/http2/conformance-server.test.ts', 'h2spec http2/5.1.2/1'],
  },
  'src/transport/transport-limits.ts': {
    headersTimeoutMs: ['src/transport/transport.test.ts', 'a peer that sends ${name} is closed'],
    idleTimeoutMs: ['src/transport/transport.test.ts', 'a peer that sends ${name} is closed'],
    HANDSHAKE_TIMEOUT_MS: ['src/transport/tls.test.ts', 'a handshake that does not end is cut'],
    CONNECT_TIMEOUT_MS: ['src/transport/tls.test.ts', 'an attempt that takes too long'],
  },
  'src/health/limits.ts': {
    UNREADY_PERIOD_MS: ['src/health/health-checks.test.ts', 'one that is not ready is asked each second'],
    MAX_SILENT_FAILURES: ['src/health/health-checks.test.ts', 'a startup probe that allows for many failures'],
  },
  'src/token/limits.ts': {
    maxTokensPerRequest: ['src/proxy/tokens.test.ts', 'maxTokensPerRequest'],
  },
  'src/proxy/limits.ts': {
    answeredRequestMs: ['src/proxy/early-answers.test.ts', 'tells a client to stop after answeredRequestMs'],
    addedHeaderBytes: ['test/interop/grpc-rules-messages.test.ts', 'G10: a request head that just fits'],
    addedHeaderFields: ['test/interop/grpc-rules-messages.test.ts', 'G10: a request head that just fits'],
    tinyDataCost: ['src/http2/limits.test.ts', 'MAX_TINY_FRAMES_PER_STREAM, where tinyDataCost is 0'],
  },
};

/** What has no far side that a test could stand on. */
const notCrossed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'src/transport/transport-limits.ts': {
    LISTEN_BACKLOG: 'given to the kernel, which takes more without a word',
    TCP_KEEPALIVE_DELAY_MS: 'given to the kernel, which acts on it alone',
  },
  'src/proxy/limits.ts': {
    relayReportMs: 'how often something is done, not a bound',
    bodyPartBytes: 'the size of pieces, not a bound',
  },
};

const limits = allLimits(root);

function titlesOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return Array.from(text.matchAll(/\btest\(\s*(['"`])((?:(?!\1)[\s\S])*)\1/g), ([, , title = '']) => title);
}

for (const [file, list] of limits) {
  test(`each limit of ${file} has its test`, () => {
    const titles = globSync(`${dirname(file)}/**/*.test.ts`, { cwd: root }).flatMap(titlesOf);
    const isShown = (name: string): boolean => {
      if (notCrossed[file]?.[name] !== undefined) return true;
      const elsewhere = shownElsewhere[file]?.[name];
      if (elsewhere === undefined) return titles.some((title) => new RegExp(String.raw`\b${name}\b`).test(title));
      return titlesOf(elsewhere[0]).some((title) => title.startsWith(elsewhere[1]));
    };
    assert.deepEqual(
      list.map(({ name }) => name).filter((name) => !isShown(name)),
      [],
      'name the limit in the title of a test at it and one past it',
    );
  });
}

test('the tables above name limits that exist', () => {
  for (const table of [shownElsewhere, notCrossed])
    for (const [file, names] of Object.entries(table)) {
      const known = limits.get(file)?.map(({ name }) => name) ?? [];
      assert.deepEqual(
        Object.keys(names).filter((name) => !known.includes(name)),
        [],
        file,
      );
    }
});

test('every number that a file of limits declares is on the page', () => {
  const files = globSync('src/*/*limits.ts', { cwd: root });
  assert.deepEqual(new Set(limits.keys()), new Set(files));
  for (const file of files) {
    const declared = readFileSync(join(root, file), 'utf8').matchAll(/^(?:export )?const (\w+) = [\d(]/gm);
    const known = limits.get(file)?.map(({ name }) => name) ?? [];
    // The engine's and the transport's defaults stand under the names of the members that they fill.
    const isMember =
      /^(?:MAX_CONCURRENT_STREAMS|\w+_WINDOW_BYTES|MAX_HEADER_\w+|HEADER_TABLE_BYTES|ABUSE_\w+|HIGH_WATER_BYTES|DRAIN_QUIET_MS|\w+_TIMEOUT_MS)$/;
    const missing = Array.from(declared, ([, name = '']) => name).filter((name) => !known.includes(name));
    assert.deepEqual(
      missing.filter((name) => !isMember.test(name)),
      [],
      file,
    );
  }
});
