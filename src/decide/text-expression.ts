/** The value of a label that a Telemetry computes. */
import type { TextExpression } from '../plan/index.ts';
import { attributeReader, type CallFacts } from './call-facts.ts';
import { compileCondition } from './log-filter.ts';

/** What Istio writes where an expression has no value, because it reads what is absent. */
const noValue = 'unknown';

export function compileTextExpression(expression: TextExpression): (facts: CallFacts) => string {
  const evaluate = compile(expression);
  return (facts) => evaluate(facts) ?? noValue;
}

function compile(expression: TextExpression): (facts: CallFacts) => string | undefined {
  switch (expression.type) {
    case 'text': {
      const { text } = expression;
      return () => text;
    }
    case 'attribute': {
      const read = attributeReader(expression.attribute);
      return (facts) => read(facts)?.toString();
    }
    case 'join': {
      const parts = expression.of.map(compile);
      return (facts) => {
        const texts = parts.map((part) => part(facts));
        return texts.includes(undefined) ? undefined : texts.join('');
      };
    }
    default: {
      const [when, yes, no] = [compileCondition(expression.when), compile(expression.yes), compile(expression.no)];
      return (facts) => {
        const holds = when(facts);
        return holds === undefined ? undefined : holds ? yes(facts) : no(facts);
      };
    }
  }
}
