import { diagnose, type Diagnostic, type DiagnosticCode, type Origin } from '../base/index.ts';
import type { Document, Path, Position } from '../manifest/index.ts';
import { fieldCodes } from './codes.ts';
import type { Unsupported } from './object.ts';

export interface Finding {
  readonly message: string;
  readonly remedy: string;
}

/** What a decoder of one object works with: places for what it builds, and a way to say what is wrong. */
export interface DecodeContext {
  readonly document: Document;
  readonly diagnostics: readonly Diagnostic[];
  /** The origin of a part of the object. */
  at(path: Path): Origin;
  /** An error: the object is rejected. */
  error(path: Path, finding: Finding): void;
  badRegex(path: Path, finding: Finding): void;
  warn(path: Path, finding: Finding): void;
  /** A value that is not yet supported and makes its element not servable. */
  refuse(path: Path, finding: Finding): void;
  /** A value that is not yet supported and is left out. */
  ignore(path: Path, finding: Finding): void;
  /** Whether an error was reported, which an API server would refuse the object for. */
  rejected(): boolean;
  /** What was refused below a path, except below these of its fields. */
  refusedBelow(path: Path, except?: readonly string[]): Unsupported[];
  report(code: DiagnosticCode, place: Position, finding: Finding): void;
}

export function createContext(document: Document): DecodeContext {
  const diagnostics: Diagnostic[] = [];
  const refusals: { readonly path: Path; readonly origin: Origin }[] = [];
  const { kind, namespace, name, file } = document;
  const originOf = ({ line, column }: Position): Origin => ({ kind, namespace, name, file, line, column });
  let rejected = false;
  const report = (code: DiagnosticCode, place: Position, finding: Finding): void => {
    rejected ||= code.severity === 'error' && code !== fieldCodes.refusedField;
    diagnostics.push(diagnose(code, { origin: originOf(place), ...finding }));
  };
  const at = (path: Path): Origin => originOf(document.locate(path));
  return {
    document,
    diagnostics,
    at,
    report,
    rejected: () => rejected,
    error: (path, finding) => report(fieldCodes.contradiction, document.locate(path), finding),
    badRegex: (path, finding) => report(fieldCodes.badRegex, document.locateValue(path), finding),
    warn: (path, finding) => report(fieldCodes.doubtful, document.locate(path), finding),
    ignore: (path, finding) => report(fieldCodes.ignoredField, document.locate(path), finding),
    refuse: (path, finding) => {
      refusals.push({ path, origin: at(path) });
      report(fieldCodes.refusedField, document.locate(path), finding);
    },
    refusedBelow: (path, except = []) =>
      refusals
        .filter((refusal) => path.every((step, index) => refusal.path[index] === step))
        .filter((refusal) => !except.includes(String(refusal.path[path.length])))
        .map((refusal) => ({ field: pathText(refusal.path.slice(path.length)), origin: refusal.origin })),
  };
}

/** `spec.rules[0].matches`, as people write paths. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(String(step))) text += text === '' ? String(step) : `.${String(step)}`;
    else text += `["${String(step)}"]`;
  }
  return text;
}
