/**
 * The house rules as a test: which folder may import which, where Node's modules and npm packages may be used, no
 * cycles, no long files, no default exports. To allow something new, change the table below and say why in the commit.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { test } from 'node:test';

interface FolderRule {
  /** Folders of src/ it may import, each through its index.ts. */
  readonly imports: readonly string[];
  /** Node modules it may use, without `node:`. */
  readonly node: readonly string[];
  /** npm packages it may use. */
  readonly npm: readonly string[];
}

const table: Readonly<Record<string, FolderRule>> = {
  base: { imports: [], node: [], npm: [] },
  manifest: { imports: ['base'], node: ['fs', 'fs/promises', 'path', 'crypto'], npm: ['yaml'] },
  resource: { imports: ['base', 'manifest'], node: [], npm: ['zod', 're2js'] },
  // plan for its vocabulary of routes and clusters only, which passes through unchanged.
  analysis: { imports: ['base', 'resource', 'plan'], node: [], npm: [] },
  plan: { imports: ['base'], node: [], npm: [] },
  compile: { imports: ['base', 'manifest', 'resource', 'analysis', 'plan'], node: [], npm: [] },
  // module: its regular expressions are loaded when a plan has one.
  decide: { imports: ['base', 'plan'], node: ['module', 'net'], npm: ['re2js'] },
  http2: { imports: [], node: [], npm: [] },
  transport: { imports: ['base', 'http2'], node: ['net', 'tls'], npm: [] },
  grpc: { imports: [], node: [], npm: [] },
  protobuf: { imports: ['base'], node: [], npm: ['@bufbuild/protobuf'] },
  token: { imports: ['base', 'plan', 'decide'], node: ['crypto'], npm: ['jose'] },
  identity: {
    imports: ['base'],
    node: ['crypto', 'fs', 'fs/promises', 'path'],
    npm: ['@peculiar/x509', 'reflect-metadata'],
  },
  telemetry: { imports: ['base'], node: [], npm: ['prom-client'] },
  proxy: {
    imports: ['base', 'plan', 'decide', 'http2', 'transport', 'grpc', 'protobuf', 'identity', 'telemetry', 'token'],
    // net and tls for the types of sockets and contexts only: transport/ opens them.
    node: ['crypto', 'net', 'tls'],
    npm: [],
  },
  control: { imports: ['base', 'manifest', 'compile', 'plan'], node: [], npm: [] },
  health: {
    // compile for the types of what is asked.
    imports: ['compile', 'grpc', 'http2', 'transport'],
    node: ['http', 'https', 'net'],
    npm: [],
  },
  admin: { imports: [], node: ['http'], npm: [] },
  app: {
    imports: [
      'base',
      'plan',
      'grpc',
      'protobuf',
      'identity',
      'telemetry',
      'proxy',
      'control',
      'health',
      'admin',
      'manifest',
      'compile',
    ],
    // dns for the names of ServiceEntries.
    node: ['child_process', 'dns/promises', 'fs', 'module', 'net', 'os', 'path', 'url', 'v8'],
    npm: [],
  },
  cli: {
    imports: ['base', 'manifest', 'compile', 'plan', 'control', 'grpc', 'protobuf', 'identity', 'app'],
    node: ['child_process', 'fs', 'http2', 'net', 'os', 'path', 'tls', 'util'],
    npm: ['commander', '@bufbuild/protobuf', 'yaml'],
  },
};

const maxLines = 600;
const root = dirname(import.meta.dirname);
const src = join(root, 'src');

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const sources = filesBelow(src).filter((file) => file.endsWith('.ts'));
const productSources = sources.filter((file) => !file.endsWith('.test.ts'));
const imports: readonly Import[] = productSources.flatMap((file) =>
  importsOf(readFileSync(file, 'utf8')).map((specifier) => ({ from: file, specifier })),
);

test('every folder of src/ has a row in the table, and every row a folder', () => {
  const folders = readdirSync(src, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  assert.deepEqual(folders.sort(), Object.keys(table).sort());
});

test('folders import only what the table allows, through index.ts', () => {
  const violations: string[] = [];
  for (const { from, specifier } of imports) {
    if (!specifier.startsWith('.')) continue;
    const folder = folderOf(from);
    const target = join(dirname(from), specifier);
    const targetFolder = folderOf(target);
    if (targetFolder === folder) continue;
    if (!rule(folder).imports.includes(targetFolder)) violations.push(`${show(from)} imports ${targetFolder}/`);
    else if (target !== join(src, targetFolder, 'index.ts'))
      violations.push(`${show(from)} imports ${show(target)} past its index.ts`);
  }
  assert.deepEqual(violations, [], `forbidden imports; the table is in ${show(import.meta.filename)}`);
});

test('node: modules and npm packages are used only where the table lists them', () => {
  const violations: string[] = [];
  for (const { from, specifier } of imports) {
    if (specifier.startsWith('.')) continue;
    const { node, npm } = rule(folderOf(from));
    const allowed = specifier.startsWith('node:')
      ? node.includes(specifier.slice(5))
      : npm.includes(packageOf(specifier));
    if (!allowed) violations.push(`${show(from)} imports ${specifier}`);
  }
  assert.deepEqual(violations, [], `forbidden modules; the table is in ${show(import.meta.filename)}`);
});

test('the table allows nothing that nobody uses', () => {
  const stale: string[] = [];
  for (const [folder, { imports: folders, node, npm }] of Object.entries(table)) {
    const used = imports.filter(({ from }) => folderOf(from) === folder);
    const usedFolders = new Set(
      used
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ from, specifier }) => folderOf(join(dirname(from), specifier))),
    );
    const usedModules = new Set(
      used.map(({ specifier }) => (specifier.startsWith('node:') ? specifier : packageOf(specifier))),
    );
    for (const name of folders) if (!usedFolders.has(name)) stale.push(`${folder} → ${name}/`);
    for (const name of node) if (!usedModules.has(`node:${name}`)) stale.push(`${folder} → node:${name}`);
    for (const name of npm) if (!usedModules.has(name)) stale.push(`${folder} → ${name}`);
  }
  assert.deepEqual(stale, [], `stale rows; the table is in ${show(import.meta.filename)}`);
});

test('no import cycles, type imports included', () => {
  const graph = new Map<string, string[]>();
  for (const { from, specifier } of imports) {
    if (!specifier.startsWith('.')) continue;
    const edges = graph.get(from) ?? [];
    edges.push(join(dirname(from), specifier));
    graph.set(from, edges);
  }
  assert.deepEqual(findCycle(graph)?.map(show) ?? [], []);
});

test('files stay readable: at most 600 lines, no default export, kebab-case names', () => {
  const violations: string[] = [];
  for (const file of [...sources, ...filesBelow(join(root, 'test')).filter((name) => name.endsWith('.ts'))]) {
    if (file.includes(`${sep}gen${sep}`)) continue;
    const text = readFileSync(file, 'utf8');
    const lines = text.split('\n').length - 1;
    if (lines > maxLines) violations.push(`${show(file)} has ${lines} lines, limit ${maxLines}`);
    if (/^export default /m.test(text)) violations.push(`${show(file)} has a default export`);
    if (!/^[a-z0-9.-]+$/.test(file.slice(file.lastIndexOf(sep) + 1)))
      violations.push(`${show(file)} is not kebab-case`);
  }
  assert.deepEqual(violations, []);
});

function rule(folder: string): FolderRule {
  return table[folder] ?? { imports: [], node: [], npm: [] };
}

function folderOf(file: string): string {
  return relative(src, file).split(sep)[0] ?? '';
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function show(file: string): string {
  return relative(root, file);
}

function importsOf(text: string): string[] {
  const found: string[] = [];
  const pattern =
    /^\s*(?:import|export)\s[^;'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  for (const match of text.matchAll(pattern)) found.push(match[1] ?? match[2] ?? match[3] ?? '');
  return found;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Depth-first search; returns the files of one cycle, or undefined. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (done.has(file)) return undefined;
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) return [...path.slice(seenAt), file];
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
