import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callWith } from '../../../test/kit/run-call.ts';
import { parseFlags } from './flags.ts';

test('flags in the manner of Go: one dash or two, = or not, before or after the address', () => {
  const { flags, positionals } = parseFlags([
    '-plaintext',
    '--authority=a=b',
    'host:1',
    '-H',
    'x: 1',
    '-H=y: 2',
    'list',
    '-max-time',
    '1.5',
    '-v=false',
    '--',
    '-svc',
  ]);
  assert.deepEqual(positionals, ['host:1', 'list', '-svc']);
  assert.deepEqual(
    [flags.plaintext, flags.authority, flags.H, flags['max-time'], flags.v, flags.d],
    [true, 'a=b', ['x: 1', 'y: 2'], 1.5, false, undefined],
  );
  assert.deepEqual(flags.protoset, []);
});

test('a lone dash is a positional, a value may look like a flag', () => {
  const { flags, positionals } = parseFlags(['-d', '-', '-', '-user-agent', '-x']);
  assert.deepEqual([flags.d, flags['user-agent'], positionals], ['-', '-x', ['-']]);
});

test('usage errors: exit code 2, what is wrong, where to read more', async () => {
  const cases: readonly (readonly [line: string, text: string])[] = [
    ['', 'Too few arguments.'],
    ['h:1', 'Too few arguments.'],
    ['h:1 list a b', 'Too many arguments.'],
    ['-nope h:1 list', 'flag provided but not defined: -nope'],
    ['-constructor h:1 list', 'flag provided but not defined: -constructor'],
    ['-=x', 'bad flag syntax: -=x'],
    ['h:1 list -d', 'flag needs an argument: -d'],
    ['-plaintext=maybe h:1 list', 'invalid boolean value "maybe" for -plaintext: parse error'],
    ['-max-time soon h:1 list', 'invalid value "soon" for flag -max-time: parse error'],
    ['-max-msg-sz 1.5 h:1 list', 'invalid value "1.5" for flag -max-msg-sz: parse error'],
    ['-max-time -1 h:1 list', 'The -max-time argument must not be negative.'],
    ['-format xml h:1 list', "The -format option must be 'json' or 'text'."],
    ['-plaintext -insecure h:1 list', 'The -insecure argument can only be used with TLS.'],
    ['-plaintext -cert c -key k h:1 list', 'The -cert argument can only be used with TLS.'],
    ['-key k h:1 list', 'The -cert and -key arguments must be used together and both be present.'],
    ['-servername a -authority b h:1 list', 'Cannot specify different values for -servername and -authority.'],
    ['-use-reflection=false h:1 list', 'No protoset files or proto files specified and -use-reflection set to false.'],
    ['list', 'No host:port specified, no protoset specified, and no proto sources specified.'],
    ['-proto-out-dir d h:1 list', '-proto-out-dir is not supported: use -protoset-out, which loses nothing.'],
    ['-alts h:1 list', 'ALTS is not supported: it authenticates inside Google Cloud only. Use TLS, or -plaintext.'],
  ];
  for (const [line, text] of cases) {
    const outcome = await callWith(line.split(' ').filter((word) => word !== ''));
    assert.deepEqual(
      outcome,
      { code: 2, stdout: '', stderr: `${text}\nTry 'sallyport call -help' for more details.\n` },
      line,
    );
  }
});

test('-proto points to descriptor sets', async () => {
  const outcome = await callWith(['-proto', 'a.proto', 'h:1', 'list']);
  assert.equal(outcome.code, 2);
  assert.match(outcome.stderr, /buf build -o set\.binpb[\s\S]*-protoset set\.binpb/);
});

test('-help and -version go to stderr, exit code 0', async () => {
  const help = await callWith(['-help']);
  assert.deepEqual([help.code, help.stdout], [0, '']);
  assert.match(help.stderr, /^Usage:\n {2}sallyport call \[flags\] ADDRESS SERVICE\/METHOD\n[\s\S]*-expand-headers/);
  const version = await callWith(['-version']);
  assert.deepEqual([version.code, version.stdout], [0, '']);
  assert.match(version.stderr, /^sallyport \d+\.\d+\.\d+\n$/);
});
