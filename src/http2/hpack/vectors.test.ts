/**
 * Foreign encoders' output (http2jp/hpack-test-case: 14 encoders, 47,142 blocks) and foreign frames
 * (http2jp/http2-frame-test-case), read from archives beside the project where they are present.
 *
 * The quick run takes some stories of each encoder, `SALLYPORT_LONG=1` all of them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { build, codeNames, harness } from '../../../test/kit/frame-peer.ts';
import { HpackDecoder } from './decoder.ts';

const archives = join(import.meta.dirname, '../../../../shared/vectors');
const target = mkdtempSync(join(tmpdir(), 'sallyport-vectors-'));
after(() => rmSync(target, { recursive: true, force: true }));

/** Unpacks an archive; undefined if it is not there. */
function unpack(name: string): string | undefined {
  const archive = join(archives, `${name}.tar.xz`);
  if (!existsSync(archive)) return undefined;
  execFileSync('tar', ['xf', archive, '-C', target]);
  return join(target, name);
}

const isLong = process.env['SALLYPORT_LONG'] === '1';
const STORIES_IN_QUICK_RUN = 5;

interface Story {
  readonly cases: readonly {
    readonly wire: string;
    readonly headers: readonly Readonly<Record<string, string>>[];
    readonly header_table_size?: number | null;
  }[];
}

function expectStory(path: string): number {
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as Story;
  let tableBytes = cases[0]?.header_table_size ?? 4096;
  const decoder = new HpackDecoder({ tableBytes, maxListBytes: 2 ** 20, maxFields: 10_000 });
  for (const [index, { wire, headers, header_table_size: size }] of cases.entries()) {
    if (typeof size === 'number' && size !== tableBytes) decoder.setTableLimit((tableBytes = size));
    const bytes = Buffer.from(wire, 'hex');
    assert.ok(decoder.decode(bytes, 0, bytes.length), `${path} ${index}: ${decoder.error}`);
    const decoded = decoder.fields.slice(0, decoder.count).map(({ name, value }) => [name, value]);
    const expected = headers.flatMap((header) =>
      Object.entries(header).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
    );
    assert.deepEqual(decoded, expected, `${path} ${index}`);
  }
  return cases.length;
}

test('HPACK of 14 foreign encoders', (t) => {
  const root = unpack('hpack-test-case');
  if (root === undefined) {
    t.skip('../shared/vectors/hpack-test-case.tar.xz is absent');
    return;
  }
  const encoders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  let encodersSeen = 0;
  let blocks = 0;
  for (const { name } of encoders) {
    const stories = readdirSync(join(root, name)).filter((file) => file.endsWith('.json'));
    if (name === 'raw-data' || stories.length === 0) continue;
    encodersSeen++;
    const step = isLong ? 1 : Math.ceil(stories.length / STORIES_IN_QUICK_RUN);
    for (let i = 0; i < stories.length; i += step) blocks += expectStory(join(root, name, stories[i] ?? ''));
  }
  assert.equal(encodersSeen, 14);
  assert.ok(blocks > (isLong ? 47_141 : 3000), `${blocks} blocks`);
  t.diagnostic(`${blocks} blocks of ${encodersSeen} encoders`);
});

interface FrameVector {
  readonly error: readonly number[] | null;
  readonly wire: string;
  readonly description: string;
}

function frameVectors(root: string): FrameVector[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(root, file), 'utf8')) as FrameVector);
}

/** The error code of a GOAWAY or RST_STREAM line. */
function codeOf(line: string | undefined): number {
  return codeNames.indexOf((line ?? '').split(' ').at(-1) as (typeof codeNames)[number]);
}

test('34 foreign frames: broken ones get one of the allowed error codes', (t) => {
  const root = unpack('http2-frame-test-case');
  if (root === undefined) {
    t.skip('../shared/vectors/http2-frame-test-case.tar.xz is absent');
    return;
  }
  const vectors = frameVectors(root);
  assert.equal(vectors.length, 34);
  const broken = vectors.filter(({ error }) => error !== null);
  for (const { error, wire, description } of broken) {
    const server = harness({ role: 'server' });
    const [first] = server.send(Buffer.from(wire, 'hex'));
    assert.ok(error?.includes(codeOf(first)), `${description}: ${first}, allowed ${error?.join()}`);
  }
  // The well-formed ones come on streams that mean nothing here; none of them may be a framing error.
  for (const { wire, description } of vectors.filter(({ error }) => error === null)) {
    const server = harness({ role: 'server' });
    const [first] = server.send(Buffer.from(wire, 'hex'), build.ping());
    assert.notEqual(codeOf(first), codeNames.indexOf('FRAME_SIZE_ERROR'), description);
  }
});
