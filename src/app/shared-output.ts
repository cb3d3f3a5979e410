import type { LogSink } from '../telemetry/index.ts';

/** Bytes that a pipe takes as a whole whatever others write to it: PIPE_BUF of Linux (pipe(7)). */
export const wholeWriteBytes = 4_096;

/**
 * All proxies write their access logs to one standard output. On a pipe a larger write may have others' bytes in its middle, so
 * many lines leave in several writes, each of whole lines and of at most `wholeWriteBytes`; only a single line that is
 * longer goes in one that is.
 */
export function sharedOutput(output: Pick<NodeJS.WriteStream, 'write'>): LogSink {
  return {
    write: (text, done) => {
      const bytes = Buffer.from(text);
      let start = 0;
      const writeNext = (error?: Error | null): void => {
        if (error) return done(error);
        if (start === bytes.length) return done();
        const part = bytes.subarray(start, endOfLines(bytes, start));
        start += part.length;
        // One at a time: a stream joins what waits in it.
        output.write(part, writeNext);
      };
      writeNext();
    },
  };
}

function endOfLines(bytes: Buffer, start: number): number {
  if (bytes.length - start <= wholeWriteBytes) return bytes.length;
  const last = bytes.lastIndexOf('\n', start + wholeWriteBytes - 1);
  const newline = last >= start ? last : bytes.indexOf('\n', start);
  return newline === -1 ? bytes.length : newline + 1;
}
