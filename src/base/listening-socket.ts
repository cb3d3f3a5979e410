/** A listening socket on its way from one process to its successor: Node's handle of it, which is all that a channel takes. */
export interface ListeningSocket {
  /** Gives up this process's copy; the socket lives as long as another process has one. */
  close(): void;
}

/** What came over a channel, or stands behind a server, if it is such a handle. */
export function asListeningSocket(value: unknown): ListeningSocket | undefined {
  return isListeningSocket(value) ? value : undefined;
}

function isListeningSocket(value: unknown): value is ListeningSocket {
  if (typeof value !== 'object' || value === null) return false;
  return ['listen', 'close'].every((name) => typeof Reflect.get(value, name) === 'function');
}
