import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Check, Verdict } from './verdict.ts';
import { MAX_HTTP_BODY_BYTES, MAX_REDIRECTS } from './limits.ts';
import { reasonOf } from './tcp-check.ts';

/** An import would read all exports of the module and so load Node's WebSocket: a tenth of the time that a start takes. */
const { request: requestHttp } = process.getBuiltinModule('node:http');

export interface HttpQuestion {
  readonly address: { readonly host: string; readonly port: number };
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/**
 * A GET by HTTP/1.1 on a connection of its own; a certificate is not verified. Healthy are statuses from 200 to 399; a
 * redirect is followed on the same host, and counts as success where it leads elsewhere
 * (kubernetes/pkg/probe/http/http.go).
 */
export function checkHttp(question: HttpQuestion, end: (verdict: Verdict) => void): Check {
  let current: ClientRequest | undefined;
  const ask = (url: URL, redirects: number): void => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    try {
      current = send(url, optionsOf(question), (response) => receive(response, url, redirects));
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      setImmediate(() => end({ isHealthy: false, detail }));
      return;
    }
    current.on('error', (error: NodeJS.ErrnoException) => end({ isHealthy: false, detail: reasonOf(error) }));
    current.end();
  };
  const receive = (response: IncomingMessage, url: URL, redirects: number): void => {
    const { statusCode = 0 } = response;
    const target = statusCode >= 300 && statusCode < 400 ? locationOf(response, url) : undefined;
    if (target?.hostname === url.hostname) {
      response.destroy();
      if (redirects < MAX_REDIRECTS) ask(target, redirects + 1);
      else end({ isHealthy: false, detail: `more than ${MAX_REDIRECTS} redirects` });
      return;
    }
    const verdict = { isHealthy: statusCode >= 200 && statusCode < 400, detail: `answered HTTP ${statusCode}` };
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_HTTP_BODY_BYTES) end(verdict);
    });
    response.on('end', () => end(verdict));
    response.on('error', (error: NodeJS.ErrnoException) => end({ isHealthy: false, detail: reasonOf(error) }));
  };
  const { address, scheme, path } = question;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  // Not resolved against the base: a path that begins with two slashes would name another host.
  const target = `${scheme}://${host}:${address.port}${path}`;
  if (URL.canParse(target)) ask(new URL(target), 0);
  else setImmediate(() => end({ isHealthy: false, detail: `${target} is no URL` }));
  return { cancel: () => current?.destroy() };
}

function optionsOf({ headers, scheme }: HttpQuestion): RequestOptions & { readonly rejectUnauthorized?: boolean } {
  const own: Record<string, string | string[]> = { 'user-agent': 'kube-probe/sallyport', accept: '*/*' };
  for (const { name, value } of headers) {
    const lower = name.toLowerCase();
    // An empty value of these two takes the header away, as with a kubelet.
    if (value === '' && lower in own) delete own[lower];
    else own[lower] = value;
  }
  return { agent: false, headers: own, ...(scheme === 'https' ? { rejectUnauthorized: false } : {}) };
}

function locationOf(response: IncomingMessage, base: URL): URL | undefined {
  const { location } = response.headers;
  if (location === undefined || !URL.canParse(location, base)) return undefined;
  const target = new URL(location, base);
  return target.protocol === 'http:' || target.protocol === 'https:' ? target : undefined;
}
