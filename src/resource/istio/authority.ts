import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';

/** What stands in a URL as it is; Envoy's `%REQ(…)%` does not. */
const plainAuthority = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Checks a new `:authority`: what is no host could be read as another one by each who reads it. */
export function checkAuthority(authority: string | undefined, path: Path, context: DecodeContext): void {
  if (authority === undefined || plainAuthority.test(authority)) return;
  context.refuse(path, {
    message: `${JSON.stringify(authority)} is no host with or without a port: requests of this rule are answered with an error`,
    remedy: 'Write a host, and a port where one is needed.',
  });
}
