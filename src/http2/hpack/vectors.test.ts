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
import { NaiveDecoder } from '../../../test/kit/naive-hpack.ts';
import { fieldName } from '../field-name.ts';
import { internedField, type EngineField } from '../field.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

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

/** Our encoder's copy of a foreign encoder's fields: read back by both decoders, in tables that change in between. */
class WayBack {
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: 2 ** 20, maxFields: 10_000 });
  readonly #naive = new NaiveDecoder();
  #blocks = 0;

  expect(fields: readonly EngineField[], expected: readonly (readonly string[])[], place: string): void {
    const size = tableSizes[this.#blocks++];
    if (size !== undefined) this.#encoder.setPeerTableBytes(size);
    const bytes = Buffer.alloc(HpackEncoder.maxEncodedBytes(fields, fields.length));
    const length = this.#encoder.encode(fields, fields.length, bytes, 0);
    assert.ok(this.#decoder.decode(bytes, 0, length), `${place} re-encoded: ${this.#decoder.error}`);
    const decoded = this.#decoder.fields.slice(0, this.#decoder.count).map(({ name, value }) => [name, value]);
    assert.deepEqual(decoded, expected, `${place} re-encoded`);
    assert.deepEqual(this.#naive.decode(bytes.subarray(0, length)), expected, `${place} re-encoded, naive`);
    assert.equal(this.#decoder.tableBytes, this.#encoder.tableBytes, place);
  }
}

/** What the peer's SETTINGS say before the n-th block of a story. */
const tableSizes: Readonly<Record<number, number>> = { 2: 0, 4: 4096, 6: 100, 7: 4000, 9: 0, 10: 64, 12: 65_536 };

function headersOf(headers: Story['cases'][number]['headers']): string[][] {
  return headers.flatMap((header) =>
    Object.entries(header).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  );
}

/** A story without bytes of its own: fields that only our encoder writes. */
function expectRawStory(path: string): number {
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as Story;
  const back = new WayBack();
  for (const [index, { headers }] of cases.entries()) {
    const expected = headersOf(headers);
    const fields = expected.map(([name = '', value = '']) => internedField(fieldName(name), value));
    back.expect(fields, expected, `${path} ${index}`);
  }
  return cases.length;
}

function expectStory(path: string): number {
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as Story;
  const back = new WayBack();
  let tableBytes = cases[0]?.header_table_size ?? 4096;
  const decoder = new HpackDecoder({ tableBytes, maxListBytes: 2 ** 20, maxFields: 10_000 });
  for (const [index, { wire, headers, header_table_size: size }] of cases.entries()) {
    if (typeof size === 'number' && size !== tableBytes) decoder.setTableLimit((tableBytes = size));
    const bytes = Buffer.from(wire, 'hex');
    assert.ok(decoder.decode(bytes, 0, bytes.length), `${path} ${index}: ${decoder.error}`);
    const fields = decoder.fields.slice(0, decoder.count);
    const expected = headersOf(headers);
    assert.deepEqual(
      fields.map(({ name, value }) => [name, value]),
      expected,
      `${path} ${index}`,
    );
    back.expect(fields, expected, `${path} ${index}`);
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
  const raw = readdirSync(join(root, 'raw-data')).filter((file) => file.endsWith('.json'));
  const step = isLong ? 1 : Math.ceil(raw.length / STORIES_IN_QUICK_RUN);
  const rawBlocks = raw
    .filter((_file, index) => index % step === 0)
    .reduce((sum, file) => sum + expectRawStory(join(root, 'raw-data', file)), 0);
  assert.ok(rawBlocks > (isLong ? 3_383 : 200), `${rawBlocks} raw blocks`);
  t.diagnostic(`${rawBlocks} raw blocks`);
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
