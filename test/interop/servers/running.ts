/** A server of the suite that runs. */
export interface RunningServer {
  /** On 127.0.0.1, plaintext. */
  readonly port: number;
  close(): Promise<void> | void;
}
