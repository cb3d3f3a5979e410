/** Whether labels satisfy a selector. */
export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const requirement = /^([A-Za-z0-9][-A-Za-z0-9_./]*)(?:(==|=|!=)([-A-Za-z0-9_.]*))?$/;

/** kubectl's equality form: `a=b,c!=d,e,!f`. Undefined: not of that form. */
export function parseSelector(text: string): LabelTest | undefined {
  const tests: LabelTest[] = [];
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const negated = part.startsWith('!');
    const match = requirement.exec(negated ? part.slice(1) : part);
    const [, name = '', operator, value = ''] = match ?? [];
    if (match === null || (negated && operator !== undefined)) return undefined;
    if (operator === undefined) tests.push((labels) => Object.hasOwn(labels, name) !== negated);
    else if (operator === '!=') tests.push((labels) => !Object.hasOwn(labels, name) || labels[name] !== value);
    else tests.push((labels) => Object.hasOwn(labels, name) && labels[name] === value);
  }
  return (labels) => tests.every((test) => test(labels));
}
