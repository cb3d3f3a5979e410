/**
 * `npm start`: the asset-management example behind its own manifests. Makes the Secret of the HTTPS listener on the first
 * start, because a key does not belong into a repository.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { makeListenerSecret } from '../src/cli/certs.ts';
import { main } from '../src/cli/main.ts';

// Short paths, because findings and the access log name them. npm runs scripts in the project's root.
const root = relative(process.cwd(), dirname(import.meta.dirname));
const example = join(root, 'examples', 'asset-management');
const stateDir = join(root, '.sallyport');
const secretFile = join(stateDir, 'listener-secret.yaml');

if (!existsSync(secretFile)) {
  const made = await makeListenerSecret({
    namespace: 'gateway',
    name: 'public-api-gateway-tls',
    hostnames: ['sit-gateway.tcex.com.vn', 'localhost', '127.0.0.1'],
  });
  if (made.error !== undefined) throw new Error(made.error);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(secretFile, made.yaml, { mode: 0o600 });
}

process.exitCode = await main([
  'run',
  ...['--config', join(example, 'sallyport.yaml')],
  ...['-f', join(example, 'k8s'), '-f', secretFile],
  ...['--state-dir', stateDir],
  ...process.argv.slice(2),
]);
