import { createServer } from 'node:net';

/**
 * A TCP port that nobody uses at this moment. Somebody may take it before the caller does, so whoever binds it must
 * still expect EADDRINUSE.
 */
export function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error(`no port on ${host}`));
      });
    });
  });
}
