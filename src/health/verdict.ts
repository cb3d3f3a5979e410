/** What came of asking once. */
export interface Verdict {
  readonly isHealthy: boolean;
  /** What was answered or went wrong, in few words and without what the application wrote. */
  readonly detail: string;
}

/** A question under way; `cancel` ends it without an answer. */
export interface Check {
  cancel(): void;
}
