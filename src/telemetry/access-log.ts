import { formatJsonLine, formatTextLine, type StatusName } from './access-log-line.ts';
import { maxBufferedLogCharacters } from './limits.ts';
import type { RequestRecord } from './request-record.ts';

/** Where lines go. `done` is called once per write, with an error if the text was lost. */
export interface LogSink {
  write(text: string, done: (error?: Error | null) => void): void;
}

export interface AccessLogOptions {
  readonly sink: LogSink;
  readonly format: 'TEXT' | 'JSON';
  /** gRPC's name of a status. */
  readonly statusName: StatusName;
  /** Calls back soon, so that the lines of one turn of the event loop leave in one write; `setImmediate` outside tests. */
  readonly schedule: (flush: () => void) => void;
  /** Told how many lines were lost, when they are. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Writes one line per request without ever holding up requests: one write at a time, what comes meanwhile waits in a
 * bounded buffer, and beyond that lines are dropped, counted, and the loss is itself logged.
 */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #format: (record: RequestRecord, statusName: StatusName) => string;
  #buffer = '';
  #bufferedLines = 0;
  #writing = false;
  #scheduled = false;
  #lostSinceLastLine = 0;
  #drained: (() => void)[] = [];

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#format = options.format === 'JSON' ? formatJsonLine : formatTextLine;
  }

  /** Reads the record at once; the caller may fill it again. */
  log(record: RequestRecord): void {
    if (this.#buffer.length >= maxBufferedLogCharacters) {
      this.#lose(1);
      return;
    }
    this.#buffer += `${this.#format(record, this.#options.statusName)}\n`;
    this.#bufferedLines++;
    this.#scheduleFlush();
  }

  /** Resolves when everything logged so far has been written or lost. */
  drain(): Promise<void> {
    if (this.#buffer === '' && !this.#writing) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#flush();
    });
  }

  #scheduleFlush(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#writing || this.#buffer === '') return;
    const text = this.#takeBuffer();
    const lines = this.#bufferedLines;
    this.#bufferedLines = 0;
    this.#writing = true;
    this.#options.sink.write(text, (error) => {
      this.#writing = false;
      if (error) this.#lose(lines);
      if (this.#buffer !== '') this.#flush();
      else for (const resolve of this.#drained.splice(0)) resolve();
    });
  }

  #takeBuffer(): string {
    const lost = this.#lostSinceLastLine;
    const text = lost === 0 ? this.#buffer : this.#buffer + this.#lossLine(lost);
    this.#buffer = '';
    this.#lostSinceLastLine = 0;
    return text;
  }

  #lossLine(lines: number): string {
    const text = `access log lines lost: ${lines}`;
    return this.#options.format === 'JSON' ? `${JSON.stringify({ lost_lines: lines, reason: text })}\n` : `${text}\n`;
  }

  #lose(lines: number): void {
    this.#lostSinceLastLine += lines;
    this.#options.onDropped(lines);
  }
}
