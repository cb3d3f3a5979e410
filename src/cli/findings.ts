import { styleText } from 'node:util';
import { compareDiagnostics, formatDiagnostic, type Diagnostic, type Severity } from '../base/index.ts';

/** Findings as text, worst first, in colour where the stream is a terminal that wants it. */
export function formatFindings(diagnostics: readonly Diagnostic[], { colour }: { readonly colour: boolean }): string {
  return [...diagnostics]
    .sort(compareDiagnostics)
    .map((diagnostic) => {
      const text = formatDiagnostic(diagnostic);
      if (!colour) return `${text}\n`;
      const end = text.indexOf(' ');
      return `${styleText(severityColour[diagnostic.severity], text.slice(0, end), { validateStream: false })}${text.slice(end)}\n`;
    })
    .join('');
}

/** `2 errors, 1 warning`; empty when there is nothing. */
export function countFindings(diagnostics: readonly Diagnostic[]): string {
  const words: readonly (readonly [Severity, string])[] = [
    ['error', 'error'],
    ['warning', 'warning'],
    ['info', 'note'],
  ];
  return words
    .map(([severity, word]) => {
      const count = diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
      return count === 0 ? '' : `${count} ${word}${count === 1 ? '' : 's'}`;
    })
    .filter((part) => part !== '')
    .join(', ');
}

/** Colour only on a terminal, and not where `NO_COLOR` or a dumb terminal asks for none. */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: noColor = '', TERM: term } = process.env;
  return stream.isTTY === true && noColor === '' && term !== 'dumb';
}

const severityColour = { error: 'red', warning: 'yellow', info: 'cyan' } as const;
