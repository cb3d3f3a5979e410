import type { DiagnosticCode } from '../base/index.ts';

/** SP00xx: files and their YAML, before any kind is looked at. */
export const manifestCodes = {
  unreadable: { code: 'SP0001', severity: 'error', title: 'A path or file cannot be read.' },
  noFiles: { code: 'SP0002', severity: 'warning', title: 'A directory holds no YAML or JSON file.' },
  tooLarge: { code: 'SP0003', severity: 'error', title: 'A file is larger than a manifest can be, and is not read.' },
  notText: { code: 'SP0004', severity: 'error', title: 'A file is not UTF-8 text.' },
  syntax: { code: 'SP0005', severity: 'error', title: 'A document is not valid YAML or JSON, and is left out.' },
  duplicateKey: { code: 'SP0006', severity: 'error', title: 'A key is written twice in one map.' },
  tooDeep: { code: 'SP0007', severity: 'error', title: 'A document is nested too deeply, and is left out.' },
  aliasBomb: { code: 'SP0008', severity: 'error', title: 'Aliases of a document repeat too much or go in a circle.' },
  badKey: { code: 'SP0009', severity: 'error', title: 'A key of a map is not a text that an object can have.' },
  notAnObject: { code: 'SP0010', severity: 'error', title: 'A document is not a Kubernetes object.' },
  missingField: { code: 'SP0011', severity: 'error', title: 'An object lacks apiVersion, kind or metadata.name.' },
  oldBoolean: {
    code: 'SP0012',
    severity: 'warning',
    title: 'An unquoted word such as `yes` or `on` is read as a boolean, as Kubernetes reads it.',
  },
  notKubernetes: { code: 'SP0013', severity: 'warning', title: 'A YAML file in a directory is not a manifest.' },
  yamlWarning: { code: 'SP0014', severity: 'warning', title: 'The YAML parser warns, for example of an unknown tag.' },
  moreFindings: { code: 'SP0015', severity: 'info', title: 'A file has more findings than are shown.' },
  build: {
    code: 'SP0016',
    severity: 'info',
    title: 'A file is the input of kustomize or helm, which Sallyport does not run.',
  },
} as const satisfies Record<string, DiagnosticCode>;
