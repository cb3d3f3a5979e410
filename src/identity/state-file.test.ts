/** The authority's state on disk: permissions, damage, crashes, and several processes at once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeRootPem } from './ca-root.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { readOrCreateStateFile } from './state-file.ts';

const name = 'mesh-root.pem';

function stateDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'state-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state');
}

function keyOf(text: string): string {
  return text.slice(text.indexOf('-----BEGIN PRIVATE'));
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

test('directory and file are private, and the root is the same the next time', async (context) => {
  const directory = stateDirectory(context);
  const first = await CertificateAuthority.open(directory);
  const second = await CertificateAuthority.open(directory);
  assert.equal(first.error, undefined);
  assert.equal(second.authority?.rootPem, first.authority?.rootPem);
  assert.equal(modeOf(directory), '700');
  assert.equal(modeOf(join(directory, name)), '600');
  assert.deepEqual(readdirSync(directory), [name]);
});

test('a key file open to others is refused, with what to do', async (context) => {
  const directory = stateDirectory(context);
  await CertificateAuthority.open(directory);
  for (const mode of [0o640, 0o604, 0o660, 0o644]) {
    chmodSync(join(directory, name), mode);
    const result = await CertificateAuthority.open(directory);
    assert.match(result.error ?? 'opened', /open to other users \(mode 6[0-9]+\)/);
    assert.match(result.error === undefined ? '' : result.remedy, /chmod 600 /);
  }
});

test('a directory that others can write to is refused', async (context) => {
  const directory = stateDirectory(context);
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const result = await CertificateAuthority.open(directory);
  assert.match(result.error ?? 'opened', /can be written by other users \(mode 777\)/);
});

test('damage is an error, and never makes a new root', async (context) => {
  const directory = stateDirectory(context);
  await CertificateAuthority.open(directory);
  const file = join(directory, name);
  const good = readFileSync(file, 'utf8');
  const mixed = good.replace(keyOf(good), keyOf(await makeRootPem(Date.now())));
  const damages: readonly (readonly [string, RegExp])[] = [
    ['', /no complete CERTIFICATE/],
    [good.slice(0, good.length / 2), /no complete/],
    [good.slice(0, -40), /no complete PRIVATE KEY/],
    [mixed, /does not belong to the certificate/],
    [good.replace('MI', '!!'), /not valid base64/],
    [good.replace(/(?<=BEGIN PRIVATE KEY-----\n).{8}/, 'AAAAAAAA'), /not a P-256 key/],
    [await makeRootPem(Date.now() - 4000 * 86_400_000), /expired at/],
    ['x'.repeat(70_000), /larger than/],
  ];
  for (const [content, expected] of damages) {
    writeFileSync(file, content);
    const result = await CertificateAuthority.open(directory);
    assert.match(result.error ?? 'opened', expected);
    assert.notEqual(result.error === undefined ? '' : result.remedy, '');
    assert.equal(readFileSync(file, 'utf8'), content);
  }
});

test('a symbolic link in place of the file is not followed', async (context) => {
  const directory = stateDirectory(context);
  mkdirSync(directory, { mode: 0o700 });
  symlinkSync('/etc/passwd', join(directory, name));
  assert.match((await CertificateAuthority.open(directory)).error ?? 'opened', /ELOOP/);
});

test('a directory that cannot be made is an error', async (context) => {
  const directory = stateDirectory(context);
  writeFileSync(directory, 'a file');
  const result = await CertificateAuthority.open(directory);
  assert.match(result.error ?? 'opened', /EEXIST|ENOTDIR/);
});

test('what a crash left half-written is not taken for the root', async (context) => {
  const directory = stateDirectory(context);
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(directory, `.${name}.99999.abcdef.tmp`), '-----BEGIN CERTIFICATE-----\nMII', { mode: 0o600 });
  const { authority, error } = await CertificateAuthority.open(directory);
  assert.equal(error, undefined);
  assert.equal((await CertificateAuthority.open(directory)).authority?.rootPem, authority?.rootPem);
});

test('a failure while the content is made leaves nothing behind', async (context) => {
  const directory = stateDirectory(context);
  const failing = readOrCreateStateFile({ directory, name }, () => Promise.reject(new Error('no entropy')));
  await assert.rejects(failing, /no entropy/);
  assert.deepEqual(readdirSync(directory), []);
});

test('the loser of a race takes the file of the winner', async (context) => {
  const directory = stateDirectory(context);
  const makers = ['a', 'b', 'c', 'd'].map((text) =>
    readOrCreateStateFile({ directory, name }, () => Promise.resolve(text)),
  );
  const texts = (await Promise.all(makers)).map((result) => result.text);
  assert.equal(new Set(texts).size, 1);
  assert.deepEqual(readdirSync(directory), [name]);
});

test('processes that start at once end with one root', async (context) => {
  const directory = stateDirectory(context);
  const module = join(import.meta.dirname, 'index.ts');
  const script = `import { CertificateAuthority } from ${JSON.stringify(module)};
    const { authority, error } = await CertificateAuthority.open(${JSON.stringify(directory)});
    process.stdout.write(error ?? authority.rootPem);`;
  const roots = await Promise.all([1, 2, 3].map(() => outputOf(['--input-type=module', '-e', script])));
  assert.match(roots[0] ?? '', /^-----BEGIN CERTIFICATE-----/);
  assert.equal(new Set(roots).size, 1);
});

function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(parts).toString()));
  });
}
