/** Which test files share a process, and what the record of a run says of each of them. */

/** Folders whose files share one process. The files of other folders start programs, or take long, and have one each. */
const sharedFolder = /^(?:src\/[^/]+|test\/(?:crds|mesh|security))(?=\/)|^test(?=\/[^/]+$)/;

export interface TestProcess {
  /** The file; of several, their folder. */
  readonly name: string;
  readonly files: readonly string[];
}

export function testProcesses(files: readonly string[]): readonly TestProcess[] {
  const folders = Map.groupBy(files, (file) => sharedFolder.exec(file)?.[0] ?? file);
  return [...folders].map(([name, own]) => ({ name: own.length === 1 ? (own[0] as string) : name, files: own }));
}

/** Of a process: what is outermost in it and ended; in a shared process, that is one per file, by its path. */
export interface TestRecord {
  readonly passed: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
}

/** By the path that the process was started with; reads what `test-record.ts` writes. */
export function readRecords(text: string): ReadonlyMap<string, TestRecord> {
  const records = new Map<string, { readonly passed: Set<string>; readonly failed: Set<string> }>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [outcome, path = '', name = ''] = line.split('\t');
    const record = records.get(path) ?? { passed: new Set(), failed: new Set() };
    records.set(path, record);
    record[outcome === 'pass' ? 'passed' : 'failed'].add(name);
  }
  return records;
}

/** Files that were never come to, because their process ended before, with whatever exit code. */
export function unreachedFiles({ files }: TestProcess, record: TestRecord | undefined): readonly string[] {
  if (files.length === 1) return [];
  return files.filter((file) => record === undefined || !(record.passed.has(file) || record.failed.has(file)));
}

/** Files that failed or were never come to; all of them, where it was the process that failed. */
export function failedFiles(process: TestProcess, record: TestRecord | undefined): readonly string[] {
  const unreached = unreachedFiles(process, record);
  if (record === undefined || record.failed.size === 0) return unreached;
  const failed = process.files.filter((file) => record.failed.has(file) || unreached.includes(file));
  return failed.length === 0 ? process.files : failed;
}
