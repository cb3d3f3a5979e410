/** What happened to a proxy process, for whoever talks to the user. */
export type ProxyEvent =
  /** Its process ended; the next one starts after `restartInMs` milliseconds. */
  | { readonly type: 'exit'; readonly proxy: string; readonly description: string; readonly restartInMs: number }
  /** An operational line, or what it wrote to standard error. */
  | { readonly type: 'log'; readonly proxy: string; readonly line: string }
  /** `port` is an id of the plan. */
  | { readonly type: 'bind-failed'; readonly proxy: string; readonly port: string; readonly message: string }
  /** `wanted` and `got` are port numbers. */
  | {
      readonly type: 'bound-elsewhere';
      readonly proxy: string;
      readonly port: string;
      readonly wanted: number;
      readonly got: number;
    }
  | { readonly type: 'identity-error'; readonly proxy: string; readonly message: string };
