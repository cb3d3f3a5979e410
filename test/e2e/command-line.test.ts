/** The command line as a user types it: mistakes in arguments and files, what is printed at the start, exit codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { documentFiles, documentManifest, exampleManifest, wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const root = dirname(dirname(import.meta.dirname));
const folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const broken = join(folder, 'broken.yaml');
writeFileSync(broken, 'kind: [\n');
const badConfig = join(folder, 'sallyport.yaml');
writeFileSync(badConfig, 'manifests: [k8s]\nworkload: {}\n');

const badLimits = join(folder, 'limits.yaml');
writeFileSync(badLimits, 'manifests: [k8s]\nlimits:\n  clientConnection:\n    maxConcurrentStreams: many\n');

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function sallyport(
  args: readonly string[],
  { input = '', cwd = root }: { input?: string; cwd?: string } = {},
): Promise<Output> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'bin', 'sallyport.js'), ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.end(input);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

for (const { args, input, code, says } of [
  { args: ['rnu'], code: 64, says: /Did you mean run\?/ },
  { args: ['run', '--nonsense'], code: 64, says: /--nonsense/ },
  { args: ['run', '-f', '/no/such/file.yaml'], code: 65, says: /no such file or directory: \/no\/such\/file\.yaml/ },
  { args: ['get', '-f', '/no/such/file.yaml'], code: 65, says: /no such file or directory: \/no\/such\/file\.yaml/ },
  { args: ['run', '-f', broken, '--workload', 'web'], code: 64, says: /--workload web: expected/ },
  { args: ['run', '-f', broken, '--admin-port', '99999'], code: 64, says: /--admin-port 99999/ },
  { args: ['run', '--config', badConfig], code: 65, says: /sallyport\.yaml:2 unknown key "workload"/ },
  {
    args: ['run', '--config', badLimits],
    code: 65,
    says: /limits\.yaml:4 limits\.clientConnection\.maxConcurrentStreams: expected a whole number from 1 to 2147483647/,
  },
  { args: ['check', '-f', '/no/such/file.yaml'], code: 79, says: /1 error in 0 objects/ },
  { args: ['check', '-f', broken, '-o', 'xml'], code: 64, says: /--output xml: expected text or json/ },
  { args: ['check', '-f', '-'], input: '# nothing\n', code: 65, says: /no Kubernetes objects in -/ },
  { args: ['get', 'nonsense', '-f', broken], code: 64, says: /no kind "nonsense"/ },
]) {
  test(`sallyport ${args.map((arg) => arg.replace(folder, '…')).join(' ')}: exit code ${code}`, async () => {
    const output = await sallyport(args, input === undefined ? {} : { input });
    assert.match(output.stderr, says);
    assert.equal(output.code, code);
    assert.equal(/\n\s+at /.test(output.stderr), false, output.stderr);
  });
}

test('check reads what kustomize prints, and -o json has the findings with their places', async () => {
  const input = [
    'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: lost}\n',
    'spec:\n  parentRefs: [{name: nowhere}]\n  hostnames: [a.example]\n',
    '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: default}\ndata: {a: yes}\n',
    '---\napiVersion: v1\n',
  ].join('');
  const { stdout, code } = await sallyport(['check', '-f', '-', '-o', 'json'], { input });
  assert.equal(code, 79);
  const { version, diagnostics } = JSON.parse(stdout) as {
    version: number;
    diagnostics: { severity: string; origin: { file: string; line: number } }[];
  };
  assert.equal(version, 1);
  const ranks = diagnostics.map(({ severity }) => ['error', 'warning', 'info'].indexOf(severity));
  assert.deepEqual(
    ranks,
    ranks.toSorted((a, b) => a - b),
    'worst first',
  );
  assert.ok(
    diagnostics.some(({ origin }) => origin.file === '-' && origin.line === 5),
    stdout,
  );
});

test('what is supplied is listed once, though each port that is bound compiles again', async () => {
  const files = documentFiles.map(documentManifest).flatMap((path) => ['-f', path]);
  const mesh = new SallyportProcess(['run', ...files, '--add-missing', '--workload', 'asset-management=50051']);
  try {
    await mesh.ready();
    for (const added of ['Namespace gateway', 'Gateway gateway/public-api-gateway', 'Service default/asset-management'])
      assert.equal(mesh.stderr.split(`Added ${added}:`).length - 1, 1, mesh.stderr);
  } finally {
    await mesh.stop();
  }
});

test('files of a configuration elsewhere are named from the working directory', async () => {
  const cwd = join(root, 'examples');
  const { stdout, code } = await sallyport(['get', 'httproutes', '--config', 'asset-management/sallyport.yaml'], {
    cwd,
  });
  assert.equal(code, 0);
  assert.match(stdout, / asset-management\/k8s\/10-httproute\.yaml:1\n/);
});

for (const { words, names } of [
  { words: ['gtw,svc'], names: ['service/asset-management', 'gateway/public-api-gateway'] },
  { words: ['gateway/public-api-gateway'], names: ['gateway/public-api-gateway'] },
  { words: ['svc', 'asset-management'], names: ['service/asset-management'] },
]) {
  test(`get ${words.join(' ')}, as kubectl takes it`, async () => {
    const { stdout } = await sallyport(['get', ...words, '-o', 'name', ...wholeExample()]);
    assert.deepEqual(stdout.trim().split('\n'), names);
  });
}

test('gateways are shown once at the start', async () => {
  const mesh = new SallyportProcess(['run', ...wholeExample(), '--workload', 'default/asset-management=50051']);
  try {
    await mesh.ready();
    assert.equal(mesh.stderr.match(/^GATEWAY /gm)?.length, 1, mesh.stderr);
  } finally {
    await mesh.stop();
  }
});

test('manifests without a Gateway: nothing is called ready, and mending them starts the traffic', async () => {
  const file = join(folder, 'later.yaml');
  writeFileSync(file, 'kind: [\n');
  const mesh = new SallyportProcess(['run', '-f', file]);
  try {
    await mesh.until(() => mesh.stderr.includes('Nothing to serve'), 'to say that there is nothing');
    assert.doesNotMatch(mesh.stderr, /^Ready/m);
    writeFileSync(file, gateway);
    await mesh.until(() => /^default\/later +http +HTTP .*127\.0\.0\.1:\d+/m.test(mesh.stderr), 'to show the gateway');
  } finally {
    await mesh.stop();
  }
});

test('from standard input there is nothing to wait for: exit code 65', async () => {
  const mesh = new SallyportProcess(['run', '-f', '-'], {
    input: 'apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n',
  });
  assert.equal((await mesh.exited).code, 65);
  assert.match(mesh.stderr, /Nothing to serve/);
  await mesh.stop();
});

test('a reader that closes the pipe ends the command without a stack trace', async () => {
  const child = spawn(process.execPath, [join(root, 'bin', 'sallyport.js'), 'get', '-o', 'json', ...wholeExample()], {
    cwd: root,
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await new Promise((resolve) => child.on('close', resolve));
  assert.doesNotMatch(stderr, /EPIPE/);
});

test('the command after -- gets the addresses, and its exit code is the answer', async () => {
  const command = 'process.stdout.write(process.env.SALLYPORT_PUBLIC_API_GATEWAY_HTTP); process.exit(7)';
  const mesh = new SallyportProcess([
    'run',
    ...wholeExample(),
    ...['--workload', 'default/asset-management=50051', '--', process.execPath, '-e', command],
  ]);
  assert.equal((await mesh.exited).code, 7);
  assert.match(mesh.stdout, /127\.0\.0\.1:\d+/);
  await mesh.stop();
});

test('a command that does not exist: exit code 127', async () => {
  const mesh = new SallyportProcess(['run', '-f', exampleManifest('04-gateway.yaml'), '--', 'no-such-command-here']);
  assert.equal((await mesh.exited).code, 127);
  await mesh.stop();
});

test('a second run in the same state directory is refused, and leaves the first one’s files alone', async () => {
  const stateDir = join(folder, 'state');
  const args = ['-f', exampleManifest('04-gateway.yaml'), '--state-dir', stateDir];
  const mesh = new SallyportProcess(['run', ...args]);
  try {
    await mesh.ready();
    const second = await sallyport(['run', ...args, '--free-ports', '--admin-port', '0']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /process \d+ already runs a mesh in .*\n  Stop it, or .*--state-dir/);
    const shown = await sallyport(['get', 'gateways', '-o', 'name', '--state-dir', stateDir]);
    assert.equal(shown.stdout, 'gateway/public-api-gateway\n');
  } finally {
    await mesh.stop();
  }
});

test('a state directory that cannot be made is one line, not a stack trace', async () => {
  const { code, stderr } = await sallyport(['run', '-f', broken, '--state-dir', join(broken, 'state')]);
  assert.equal(code, 1);
  assert.match(stderr, /the state directory cannot be made: .*\n  Name another one with --state-dir\.\n$/);
});

const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: later}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 80, protocol: HTTP}]
`;
