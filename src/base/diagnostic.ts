import { qualifiedName, type Origin } from './origin.ts';

export type Severity = 'error' | 'warning' | 'info';

/** One row of the catalogue of findings; each folder that finds things declares its rows in its own `codes.ts`. */
export interface DiagnosticCode {
  /** `SP` and four digits. SP00xx manifest, SP01xx references, SP02xx fields, SP03xx policy and mTLS, SP04xx workloads and run time, SP05xx supplied. */
  readonly code: string;
  readonly severity: Severity;
  /** What the code means in general, one sentence for docs/diagnostics.md. */
  readonly title: string;
  /** Codes of other tools that report the same (`IST0101`, `KIA1102`). */
  readonly also?: readonly string[];
}

/** A finding. Configuration problems are values of this type, never exceptions. */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong, with the offending value; sentence without a full stop. */
  readonly message: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
  readonly origin: Origin;
  readonly also?: readonly string[];
}

/** Makes a finding from its catalogue row. */
export function diagnose(
  code: DiagnosticCode,
  finding: { readonly origin: Origin; readonly message: string; readonly remedy: string },
): Diagnostic {
  return {
    code: code.code,
    severity: code.severity,
    message: finding.message,
    remedy: finding.remedy,
    origin: finding.origin,
    ...(code.also === undefined ? {} : { also: code.also }),
  };
}

const severityWords: Readonly<Record<Severity, string>> = { error: 'Error', warning: 'Warning', info: 'Info' };

/** Two lines in the form of `istioctl analyze`: the finding, then its remedy. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { origin } = diagnostic;
  const codes = [diagnostic.code, ...(diagnostic.also ?? [])].join(' ');
  const object = origin.kind === '' ? '' : `${origin.kind} ${qualifiedName(origin)} `;
  const place = origin.column === undefined ? `${origin.line}` : `${origin.line}:${origin.column}`;
  return `${severityWords[diagnostic.severity]} [${codes}] (${object}${origin.file}:${place}) ${diagnostic.message}\n  ${diagnostic.remedy}`;
}

const severityRank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Stable order for printing and goldens: worst first, then file, line, code. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    severityRank[a.severity] - severityRank[b.severity] ||
    compareText(a.origin.file, b.origin.file) ||
    a.origin.line - b.origin.line ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

/** Order by UTF-16 code unit: the same on every machine, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
