import type { CorsPolicy, HeaderOperations, PathRewrite, Redirect, Rewrite, TextMatch } from '../plan/index.ts';
import type {
  CorsFilter,
  HeaderModifier,
  HttpRouteRule,
  PathModifier,
  RedirectFilter,
  RuleFilters,
} from '../resource/index.ts';
import { defaultRetry } from './default-retry.ts';
import type { RuleModel } from './model.ts';
import { quoteRegex } from './quote-regex.ts';

/** What the filters of a Gateway API rule become, but for mirrors, whose backends are still to be found. */
export interface LoweredFilters {
  readonly filters: RuleModel['filters'];
  readonly answer?: Redirect;
}

export function lowerFilters(written: RuleFilters): LoweredFilters {
  const { requestHeaders, responseHeaders, redirect, cors } = written;
  const rewrite = rewriteOf(written);
  return {
    filters: {
      ...headersOf('requestHeaders', requestHeaders),
      ...headersOf('responseHeaders', responseHeaders),
      ...(rewrite === undefined ? {} : { rewrite }),
      ...(cors === undefined ? {} : { cors: corsPolicy(cors) }),
    },
    ...(redirect === undefined ? {} : { answer: redirectOf(redirect) }),
  };
}

/** Header operations under the name of their field; nothing when they do nothing. */
export function headersOf<Field extends 'requestHeaders' | 'responseHeaders'>(
  field: Field,
  modifier: HeaderModifier | undefined,
): Partial<Record<Field, HeaderOperations>> {
  if (modifier === undefined) return {};
  const { add, remove } = modifier;
  // A request's host is its `:authority`, see `rewriteOf`.
  const set = field === 'requestHeaders' ? modifier.set.filter(({ name }) => name !== 'host') : modifier.set;
  if (set.length + add.length + remove.length === 0) return {};
  return { [field]: { set, add, remove } } as Partial<Record<Field, HeaderOperations>>;
}

function rewriteOf({ rewrite, requestHeaders }: RuleFilters): Rewrite | undefined {
  const setHost = requestHeaders?.set.find(({ name }) => name === 'host')?.value;
  const host = rewrite?.hostname ?? setHost;
  const origin = rewrite?.origin ?? requestHeaders?.origin;
  if (origin === undefined || (host === undefined && rewrite?.path === undefined)) return undefined;
  return {
    origin,
    ...(host === undefined ? {} : { host }),
    ...(rewrite?.path === undefined ? {} : { path: pathRewrite(rewrite.path) }),
  };
}

function pathRewrite({ type, value }: PathModifier): PathRewrite {
  return { type, value };
}

function redirectOf({ origin, statusCode, scheme, hostname, port, path }: RedirectFilter): Redirect {
  // "If redirect scheme is not empty, the redirect port MUST be the well-known port associated with the redirect scheme."
  const derived = scheme === undefined ? undefined : ('derive' as const);
  const redirectPort = port ?? derived;
  return {
    type: 'redirect',
    origin,
    status: statusCode,
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { host: hostname }),
    ...(redirectPort === undefined ? {} : { port: redirectPort }),
    ...(path === undefined ? {} : { path: pathRewrite(path) }),
  };
}

function corsPolicy(cors: CorsFilter): CorsPolicy {
  const { origin, allowMethods, allowHeaders, exposeHeaders, maxAgeSeconds, allowCredentials } = cors;
  return {
    origin,
    allowOrigins: cors.allowOrigins.map(originMatch),
    ...{ allowMethods, allowHeaders, exposeHeaders, maxAgeSeconds, allowCredentials },
  };
}

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };

/** Any host with a name or address: what `*` alone stands for. */
const anyHost = String.raw`(?:[^/:\[\]]+|\[[^/\[\]]+\])`;

/**
 * "`*` is a greedy match to the left, including any number of DNS labels"; without a port the scheme's own is meant, which
 * browsers never write (Fetch, "serialize an origin").
 */
function originMatch(origin: string): TextMatch {
  const [, scheme = '', host = '', port] = /^(https?):\/\/([^:]+)(?::(\d+))?$/.exec(origin) ?? [];
  if (scheme === '') return { type: 'Exact', value: origin };
  const written = port === undefined || Number(port) === Number(defaultPorts[scheme]) ? '' : `:${Number(port)}`;
  const lower = host.toLowerCase();
  if (!lower.startsWith('*')) return { type: 'Exact', value: `${scheme}://${lower}${written}` };
  const pattern = lower === '*' ? anyHost : `[^/:]+${quoteRegex(lower.slice(1))}`;
  return { type: 'RegularExpression', value: `${scheme}://${pattern}${written}` };
}

/** Retries and time limits of an HTTPRoute's rule (GEP-1742, GEP-1731). */
export function lowerLimits(rule: HttpRouteRule): Pick<RuleModel['filters'], 'timeoutMs' | 'retry'> {
  const request = rule.requestTimeout?.value;
  const backendRequest = rule.backendRequestTimeout?.value;
  if (rule.retry === undefined) {
    // A single limit then, as in Istio; the backend's is never the longer.
    const timeoutMs = backendRequest ?? request;
    return timeoutMs === undefined ? {} : { timeoutMs };
  }
  const { origin, codes, attempts, backoffMs } = rule.retry;
  const inherited = defaultRetry(origin, rule.backendRefs.length);
  return {
    ...(request === undefined ? {} : { timeoutMs: request }),
    retry: {
      ...inherited,
      ...(attempts === undefined ? {} : { attempts }),
      // "Implementations SHOULD retry on connection errors … if a retry stanza is configured": as Istio reads it, beside the
      // codes, those before the request was processed.
      on: codes.length === 0 ? inherited.on : [...inherited.on, 'retriable-status-codes'],
      statusCodes: codes,
      ...(backendRequest === undefined ? {} : { perTryTimeoutMs: backendRequest }),
      // "… as long as unsuccessful backend requests are not retried before the configured minimum duration."
      ...(backoffMs === undefined ? {} : { minWaitMs: backoffMs }),
    },
  };
}
