import { createHash } from 'node:crypto';

/** Changes with the meaning of a token, so that an older server's tokens are refused, not misread. */
const TOKEN_VERSION = 1;

/** What a list call asks for, apart from the page: every page of a list must ask for the same. */
export interface ListQuery {
  readonly filter: string;
  readonly orderBy: string;
}

/** A token for the page that begins right after `position`. It holds no secret; a forged one only asks for another page. */
export function writePageToken(query: ListQuery, position: readonly string[]): string {
  return Buffer.from(JSON.stringify([TOKEN_VERSION, fingerprint(query), ...position])).toString('base64url');
}

/** The position in a token; undefined unless writePageToken made it for this query with this number of sort keys. */
export function readPageToken(
  token: string,
  { query, keyCount }: { query: ListQuery; keyCount: number },
): readonly string[] | undefined {
  const content = parseJson(Buffer.from(token, 'base64url').toString('utf8'));
  if (!Array.isArray(content)) return undefined;
  const [version, print, ...position] = content as readonly unknown[];
  if (version !== TOKEN_VERSION || print !== fingerprint(query)) return undefined;
  const texts = position.filter((value) => typeof value === 'string').filter((text) => !text.includes('\0'));
  return texts.length === position.length && texts.length === keyCount ? texts : undefined;
}

function fingerprint(query: ListQuery): string {
  const text = JSON.stringify([query.filter, query.orderBy]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
