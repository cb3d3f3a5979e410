import { createServer } from 'node:net';

/**
 * Below what systems hand out by themselves (from 32768 on Linux, from 49152 elsewhere): a listener of one of the proxies, or the near
 * end of any connection, would otherwise take the port before the application that was told it does, and get its calls. Below the
 * NodePorts of a cluster on the same machine too (from 30000).
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;

/** How often another one is tried; with half of them in use, fifty in a row are never all taken. */
const ATTEMPTS = 50;

/**
 * A TCP port that nobody uses at this moment, and none of `given`, which it joins. Somebody may still take it before the caller does,
 * so whoever binds it must expect EADDRINUSE.
 */
export async function findFreePort(host: string, given: Set<number>, pick = anyPort): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = pick();
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(host, port)) return port;
    given.delete(port);
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT} on ${host}`);
}

function anyPort(): number {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT + 1 - FIRST_PORT));
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      // EACCES: Windows keeps ranges of ports for itself.
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
