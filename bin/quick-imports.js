/**
 * Loaded before the program: finds the program's own modules by their URLs alone. They import each other by complete relative paths
 * and there are no links among them, so nothing has to be looked for on the disk. Node's way, which asks the disk about each of a
 * thousand imports, costs a proxy process a third of its start (50 ms of CPU) and, because that much work brings in V8's
 * optimising compiler, 8 MiB of memory for good.
 */
import { registerHooks } from 'node:module';

const ownRoot = new URL('..', import.meta.url).href;
const ownCode = [`${ownRoot}src/`, `${ownRoot}dist/`];

registerHooks({
  resolve(specifier, context, nextResolve) {
    const { parentURL } = context;
    const isOwn = specifier.startsWith('.') && ownCode.some((folder) => parentURL?.startsWith(folder));
    return isOwn ? { url: new URL(specifier, parentURL).href, shortCircuit: true } : nextResolve(specifier, context);
  },
});
