/** Whether a finished request gets a line in the access log. */
import type { LogAttribute, LogFilter } from '../plan/index.ts';
import { pathWithoutQuery } from './path.ts';
import { compileSearch } from './regex.ts';

/** What a log filter may read of a request; a record of the access log has it all. */
export interface LogFacts {
  readonly responseCode: number;
  /** -1: none. */
  readonly grpcStatus: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly userAgent: string;
}

/** True, false, or CEL's error, which comes of reading what is absent. */
type Outcome = boolean | undefined;

/** An error keeps the line out, as in Envoy; in `||` and `&&` it gives way to the side that decides alone (CEL). */
export function compileLogFilter(filter: LogFilter): (facts: LogFacts) => boolean {
  const evaluate = compile(filter);
  return (facts) => evaluate(facts) === true;
}

function compile(filter: LogFilter): (facts: LogFacts) => Outcome {
  if (filter.type === 'compare') return compileComparison(filter);
  if (filter.type === 'test') return compileTest(filter);
  if (filter.type === 'not') {
    const inner = compile(filter.of);
    return (facts) => {
      const outcome = inner(facts);
      return outcome === undefined ? undefined : !outcome;
    };
  }
  const parts = filter.of.map(compile);
  const decisive = filter.type === 'or';
  return (facts) => {
    let result: Outcome = !decisive;
    for (let i = 0; i < parts.length; i++) {
      const outcome = (parts[i] as (typeof parts)[number])(facts);
      if (outcome === decisive) return decisive;
      if (outcome === undefined) result = undefined;
    }
    return result;
  };
}

function compileComparison({
  attribute,
  operator,
  value,
}: Extract<LogFilter, { type: 'compare' }>): (facts: LogFacts) => Outcome {
  const read = readers[attribute];
  return (facts) => {
    const actual = read(facts);
    return actual === undefined ? undefined : compare(actual, operator, value);
  };
}

function compileTest({ attribute, test, value }: Extract<LogFilter, { type: 'test' }>): (facts: LogFacts) => Outcome {
  const read = readers[attribute];
  const holds = textTest(test, value);
  return (facts) => {
    const actual = read(facts);
    return actual === undefined ? undefined : holds(String(actual));
  };
}

function textTest(test: string, value: string): (text: string) => boolean {
  switch (test) {
    case 'startsWith':
      return (text) => text.startsWith(value);
    case 'endsWith':
      return (text) => text.endsWith(value);
    case 'contains':
      return (text) => text.includes(value);
    default:
      return compileSearch(value);
  }
}

const readers: Readonly<Record<LogAttribute, (facts: LogFacts) => number | string | undefined>> = {
  'response.code': ({ responseCode }) => responseCode,
  'response.grpc_status': ({ grpcStatus }) => (grpcStatus < 0 ? undefined : grpcStatus),
  'request.method': ({ method }) => method,
  'request.host': ({ authority }) => authority,
  'request.path': ({ path }) => path,
  'request.url_path': ({ path }) => pathWithoutQuery(path),
  'request.useragent': ({ userAgent }) => userAgent,
};

function compare(actual: number | string, operator: string, wanted: number | string): boolean {
  switch (operator) {
    case '==':
      return actual === wanted;
    case '!=':
      return actual !== wanted;
    case '<':
      return actual < wanted;
    case '<=':
      return actual <= wanted;
    case '>':
      return actual > wanted;
    default:
      return actual >= wanted;
  }
}
