import type { IncomingMessage, ServerResponse } from 'node:http';

/** An import would read all exports of the module and so load Node's WebSocket: a tenth of the time that a start takes. */
const { createServer } = process.getBuiltinModule('node:http');

/** One read-only page: its content is made when it is asked for. */
export interface AdminPage {
  readonly contentType: string;
  /** The HTTP status with the body; a rejection is answered with 500. */
  readonly render: () => Promise<{ readonly status: number; readonly body: string }>;
}

export interface AdminServer {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

export interface AdminServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** By path, for example `/metrics`. */
  readonly pages: Readonly<Record<string, AdminPage>>;
}

/**
 * Serves read-only pages on a loopback address.
 *
 * Only requests whose `Host` is a loopback name are answered: a page in a browser on this machine must not be able to
 * read the mesh by pointing a name of its own at 127.0.0.1 (DNS rebinding).
 * @throws the error of `listen`, for example EADDRINUSE.
 */
export function startAdminServer({ host, port, pages }: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    void answer(request, response, pages);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const bound = server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve({
        address: { host, port: boundPort },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: Readonly<Record<string, AdminPage>>,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!isLoopbackHost(request.headers.host ?? ''))
    return send(response, { status: 403, body: 'not a loopback host\n' });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, { status: 405, body: 'read-only: use GET\n' });
  if (page === undefined) {
    const list = Object.keys(pages).join('\n');
    return send(
      response,
      path === '/' ? { status: 200, body: `${list}\n` } : { status: 404, body: `pages:\n${list}\n` },
    );
  }
  try {
    send(response, { ...(await page.render()), contentType: page.contentType });
  } catch (error) {
    send(response, { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` });
  }
}

function send(
  response: ServerResponse,
  { status, body, contentType }: { readonly status: number; readonly body: string; readonly contentType?: string },
): void {
  response.writeHead(status, {
    'content-type': contentType ?? 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(body);
}

function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}
