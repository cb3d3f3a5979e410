/** A test reporter that writes the path of each file with a failed test, one per line, each once. */
import type { TestEvent } from 'node:test/reporters';

// oxlint-disable-next-line import/no-default-export -- that is where the runner looks for a reporter
export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const seen = new Set<string>();
  for await (const event of events) {
    if (event.type !== 'test:fail') continue;
    const { file } = event.data;
    if (file === undefined || seen.has(file)) continue;
    seen.add(file);
    yield `${file}\n`;
  }
}
