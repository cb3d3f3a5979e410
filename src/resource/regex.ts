import { RE2JS } from 're2js';
import type { Path } from '../manifest/index.ts';
import type { DecodeContext } from './context.ts';

/** Reports an expression that RE2 does not take; the data plane matches with RE2, whose time is linear. */
export function checkRegex(value: string, path: Path, context: DecodeContext): void {
  try {
    RE2JS.compile(value);
  } catch (error) {
    context.badRegex(path, {
      message: `"${value.slice(0, 60)}" is not a valid RE2 expression: ${(error as Error).message}`,
      remedy: 'RE2 has neither backreferences nor look-around; see https://github.com/google/re2/wiki/Syntax.',
    });
  }
}

/** Whether RE2 takes an expression. */
export function isRegex(value: string): boolean {
  try {
    RE2JS.compile(value);
    return true;
  } catch {
    return false;
  }
}
