import type { FetchDocument } from '../control/index.ts';

/** Bytes of a key set or discovery document; the largest issuers' have some ten thousand. */
const maxDocumentBytes = 1_048_576;

/** Asks for a document over HTTP or HTTPS. An answer other than 200, a longer one and a late one are errors. */
export const fetchDocument: FetchDocument = async (url, timeoutMs) => {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { error: `${url} answered ${response.status}` };
    }
    return await readBounded(response, url);
  } catch (error) {
    return { error: describe(error, timeoutMs) };
  }
};

async function readBounded(
  response: Response,
  url: string,
): Promise<{ readonly text: string } | { readonly error: string }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the rest.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxDocumentBytes) return { error: `${url} is longer than ${maxDocumentBytes} bytes` };
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}

/** `fetch` says "fetch failed" and hides why in the cause. */
function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const [first] = cause instanceof AggregateError ? (cause.errors as readonly unknown[]) : [];
  return first instanceof Error ? first.message : cause.message || error.message;
}
