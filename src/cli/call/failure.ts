/** The command line is wrong: message, then the pointer to `-help`; exit code 2. */
export class UsageError extends Error {}

/** Anything that failed before a gRPC status of the called method was known; exit code 1. */
export class CallFailure extends Error {}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Prefixes the reason as grpcurl does (`<what>: <reason>`). */
export function failureOf(what: string, error: unknown): CallFailure {
  return new CallFailure(`${what}: ${reasonOf(error)}`, { cause: error });
}

/** Waits for a step and names it when it fails. */
export async function step<T>(what: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw failureOf(what, error);
  }
}
