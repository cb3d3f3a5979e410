import { createServer } from 'node:net';

export interface BindError {
  /** Node's code: `EADDRINUSE`, `EACCES`, … */
  readonly code: string;
  readonly message: string;
}

export function bindError(error: unknown): BindError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return { code, message };
}

/** Whether nobody else listens on a TCP port: binds it alone for a moment. Undefined: it was free. */
export function probePort(host: string, port: number): Promise<BindError | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(bindError(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
