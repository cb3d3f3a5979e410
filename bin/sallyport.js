#!/usr/bin/env node
// Starts the command line. On a Node too old for it, starts again with the Node that is installed beside the package.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 15)) {
  keepCompiledCode();
  await import('./quick-imports.js');
  // A published package holds compiled JavaScript; a clone runs its sources as they are.
  const compiled = join(root, 'dist', 'cli', 'main.js');
  const source = join(root, 'src', 'cli', 'main.ts');
  const { main } = await import(existsSync(source) ? source : compiled);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const ownNode = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(ownNode)) {
    process.stderr.write(
      `sallyport needs Node 24.15 or newer; this is ${process.versions.node}. Run \`npm ci\` in ${root}, which brings its own.\n`,
    );
    process.exit(1);
  }
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C on a terminal reaches both processes already; passing it on would look like a second Ctrl-C to the child.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}

/**
 * Compiled code is kept between starts: proxies start in half the time and, in a clone, without the 25 MB of the compiler
 * that strips types. Not in the system's shared directory for temporary files, where somebody else could have put it.
 */
function keepCompiledCode() {
  const modules = join(root, 'node_modules');
  if (existsSync(modules)) nodeModule.enableCompileCache(join(modules, '.cache', 'sallyport'));
}
