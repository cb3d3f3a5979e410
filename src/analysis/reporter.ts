import type { Diagnostic } from '../base/index.ts';

/** Where the findings of surroundings go, which outlive one analysis. */
export interface Reporter {
  readonly report: (finding: Diagnostic) => void;
  /** From now on. */
  reportTo(sink: (finding: Diagnostic) => void): void;
  /** What is found while something runs. */
  capture<T>(run: () => T): { readonly value: T; readonly findings: readonly Diagnostic[] };
}

export function makeReporter(): Reporter {
  let sink: (finding: Diagnostic) => void = () => undefined;
  return {
    report: (finding) => sink(finding),
    reportTo: (next) => {
      sink = next;
    },
    capture: (run) => {
      const outer = sink;
      const findings: Diagnostic[] = [];
      sink = (finding) => findings.push(finding);
      try {
        return { value: run(), findings };
      } finally {
        sink = outer;
      }
    },
  };
}
