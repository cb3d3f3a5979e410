/**
 * A test reporter that writes what became of each file, or of each file in a shared process: `pass` or `fail`, the file that
 * the process was started with, and the name of the outermost suite or test, with tabs in between.
 */
import type { TestEvent } from 'node:test/reporters';

// oxlint-disable-next-line import/no-default-export -- that is where the runner looks for a reporter
export default async function* testRecord(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if ((event.type !== 'test:pass' && event.type !== 'test:fail') || event.data.nesting !== 0) continue;
    const { name, entryFile, file = '' } = event.data;
    yield `${event.type.slice('test:'.length)}\t${entryFile ?? file}\t${name.replaceAll(/[\t\n]/g, ' ')}\n`;
  }
}
