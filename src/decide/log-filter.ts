/** Conditions on a request or connection: whether it gets a line in the access log, which text becomes a label. */
import type { CallCondition } from '../plan/index.ts';
import { attributeReader, type CallFacts } from './call-facts.ts';
import { compileSearch } from './regex.ts';

/** True, false, or CEL's error, which comes of reading what is absent. */
type Outcome = boolean | undefined;

/** An error keeps the line out, as in Envoy; in `||` and `&&` it gives way to the side that decides alone (CEL). */
export function compileLogFilter(filter: CallCondition): (facts: CallFacts) => boolean {
  const evaluate = compileCondition(filter);
  return (facts) => evaluate(facts) === true;
}

export function compileCondition(filter: CallCondition): (facts: CallFacts) => Outcome {
  if (filter.type === 'compare') return compileComparison(filter);
  if (filter.type === 'test') return compileTest(filter);
  if (filter.type === 'present') {
    const read = attributeReader(filter.attribute);
    return (facts) => (facts.head === undefined ? undefined : read(facts) !== undefined);
  }
  if (filter.type === 'not') {
    const inner = compileCondition(filter.of);
    return (facts) => {
      const outcome = inner(facts);
      return outcome === undefined ? undefined : !outcome;
    };
  }
  const parts = filter.of.map(compileCondition);
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
}: Extract<CallCondition, { type: 'compare' }>): (facts: CallFacts) => Outcome {
  const read = attributeReader(attribute);
  return (facts) => {
    const actual = read(facts);
    return actual === undefined ? undefined : compare(actual, operator, value);
  };
}

function compileTest({
  attribute,
  test,
  value,
}: Extract<CallCondition, { type: 'test' }>): (facts: CallFacts) => Outcome {
  const read = attributeReader(attribute);
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
