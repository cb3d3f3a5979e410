import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { loadPaths } from './load.ts';
import { maxFindingsPerFile } from './limits.ts';
import { parseManifest } from './parse.ts';

const root = mkdtempSync(join(tmpdir(), 'manifest-load-'));
after(() => rmSync(root, { recursive: true }));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`;

async function load(...paths: string[]): Promise<{ names: string[]; findings: string[]; files: number }> {
  const { documents, diagnostics, files } = await loadPaths(paths);
  return {
    names: documents.map(({ name }) => name),
    findings: diagnostics.map(({ code, origin }) => `${code} ${origin.file.slice(folder.length + 1)}:${origin.line}`),
    files: files.length,
  };
}

describe('loadPaths', () => {
  test('reads directories recursively, sorted, without hidden entries and other files', async () => {
    mkdirSync(join(folder, 'b/.git'), { recursive: true });
    for (const file of [
      'b/2.yml',
      'b/1.json',
      'a.yaml',
      '.hidden.yaml',
      'b/.git/x.yaml',
      'notes.txt',
      'sallyport.yaml',
    ]) {
      writeFileSync(join(folder, file), namespace(file.replace(/\W/g, '-')));
    }
    assert.deepEqual(await load(folder), { names: ['a-yaml', 'b-1-json', 'b-2-yml'], findings: [], files: 3 });
  });

  test('takes a file of any name when it is given, and once when two paths reach it', async () => {
    writeFileSync(join(folder, 'given'), namespace('x'));
    symlinkSync(folder, join(folder, 'loop'));
    const given = join(folder, 'given');
    assert.deepEqual(await load(given, given), { names: ['x'], findings: [], files: 1 });
  });

  test('reads standard input as one of the paths', async () => {
    const { documents } = await loadPaths(['-'], { stdin: Buffer.from(namespace('piped')) });
    assert.deepEqual(
      documents.map(({ file, name }) => [file, name]),
      [['-', 'piped']],
    );
  });

  test('reports what cannot be read and goes on', async () => {
    writeFileSync(join(folder, 'a.yaml'), namespace('good'));
    symlinkSync('nowhere', join(folder, 'dangling.yaml'));
    mkdirSync(join(folder, 'empty'));
    const result = await load(join(folder, 'missing'), join(folder, 'empty'), folder);
    assert.deepEqual(result.names, ['good']);
    assert.deepEqual(result.findings, ['SP0001 missing:1', 'SP0002 empty:1', 'SP0001 dangling.yaml:1']);
  });

  test('tells text from binary, and leaves out only the documents with broken bytes', async () => {
    writeFileSync(join(folder, '1-binary.yaml'), Buffer.from([1, 0, 2]));
    writeFileSync(join(folder, '2-utf16.yaml'), Buffer.from('\uFEFFa: 1', 'utf16le'));
    const broken = Buffer.concat([
      Buffer.from(`${namespace('good')}---\nname: "`),
      Buffer.from([0xff]),
      Buffer.from('"\n'),
    ]);
    writeFileSync(join(folder, '3-latin1.yaml'), broken);
    writeFileSync(join(folder, '4-bom.yaml'), `\uFEFF${namespace('bom')}`);
    writeFileSync(join(folder, '5-empty.yaml'), '');
    writeFileSync(join(folder, '6-comment.yaml'), '# nothing\n---\n');
    const result = await load(folder);
    assert.deepEqual(result.names, ['good', 'bom']);
    assert.deepEqual(result.findings, ['SP0004 1-binary.yaml:1', 'SP0004 2-utf16.yaml:1', 'SP0004 3-latin1.yaml:5']);
  });

  test('a file in a directory that is no manifest is a warning, a given one an error', async () => {
    writeFileSync(join(folder, 'values.yaml'), 'replicas: 3\n');
    assert.deepEqual((await load(folder)).findings, ['SP0013 values.yaml:1']);
    assert.deepEqual((await load(join(folder, 'values.yaml'))).findings, ['SP0010 values.yaml:1']);
  });

  test('the digest follows names and contents', async () => {
    writeFileSync(join(folder, 'a.yaml'), namespace('a'));
    const first = await loadPaths([folder]);
    assert.equal((await loadPaths([folder])).digest, first.digest);
    writeFileSync(join(folder, 'a.yaml'), namespace('b'));
    assert.notEqual((await loadPaths([folder])).digest, first.digest);
  });
});

describe('parseManifest', () => {
  test('shows a bounded number of findings, errors first', () => {
    const text = `${'a: yes\n---\n'.repeat(maxFindingsPerFile)}a: [\n`;
    const { diagnostics } = parseManifest(text, 'x.yaml');
    assert.equal(diagnostics.length, maxFindingsPerFile + 1);
    assert.equal(diagnostics[0]?.severity, 'error');
    assert.equal(diagnostics.at(-1)?.code, 'SP0015');
  });

  test('finds places through aliases, merges and lists, and the nearest ancestor of what is not written', () => {
    const text =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\na: &a\n  b: 1\nc: *a\nd:\n  <<: *a\ne:\n- f:\n    g: 2\n';
    const { documents } = parseManifest(text, 'x.yaml');
    const [document] = documents;
    assert.ok(document !== undefined);
    assert.deepEqual(document.locate(['c', 'b']), { line: 5, column: 3 });
    assert.deepEqual(document.locate(['d', 'b']), { line: 5, column: 3 });
    assert.deepEqual(document.locate(['e', 0]), { line: 10, column: 3 });
    assert.deepEqual(document.locate(['e', 0, 'f', 'g']), { line: 11, column: 5 });
    assert.deepEqual(document.locateValue(['e', 0, 'f', 'g']), { line: 11, column: 8 });
    assert.deepEqual(document.locate(['e', 0, 'nothing', 'below']), { line: 10, column: 3 });
  });
});
