import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';

/** An API server refuses lists of type `set` or `map` with two equal entries. */
export function checkUnique(
  names: readonly string[],
  { path, what }: { readonly path: Path; readonly what: string },
  context: DecodeContext,
): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) {
      context.error([...path, index], {
        message: `${what} "${name}" is written twice`,
        remedy: 'Take one away.',
      });
    }
    seen.add(name);
  }
}
