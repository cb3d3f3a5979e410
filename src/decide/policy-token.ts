/** The fields of a policy rule that read a verified token. */
import type { StringMatch } from '../plan/index.ts';
import type { TokenField } from './policy-types.ts';
import { compileAnyText, describeAny, describeMatch } from './string-match.ts';
import { claimPath, claimTexts, requestPrincipalOf, type TokenFacts } from './token-facts.ts';

type Values = readonly StringMatch[];

interface TokenSpec {
  /** As the user wrote it. */
  readonly name: string;
  readonly values: Values;
  readonly negated: boolean;
}

/** `requestPrincipals`, `request.auth.principal`. */
export function requestPrincipalField({ name, values, negated }: TokenSpec): TokenField {
  const tests = values.map(principalTest);
  return tokenField({ name, values, negated }, (token) => tests.some((test) => test(token)));
}

/** `request.auth.*` of a `when` entry; undefined for a key that is none. */
export function requestAuthField({ name, values, negated }: TokenSpec): TokenField | undefined {
  if (name === 'request.auth.principal') return requestPrincipalField({ name, values, negated });
  const read = readerOf(name);
  if (read === undefined) return undefined;
  const any = compileAnyText(values);
  return tokenField({ name, values, negated }, (token) => read(token).some(any));
}

function tokenField({ name, values, negated }: TokenSpec, matches: (token: TokenFacts) => boolean): TokenField {
  return {
    scope: 'token',
    name,
    wants: describeAny(values.map(describeMatch), negated),
    // Without a token there is nothing that could match.
    holds: ({ token }) => (token !== undefined && matches(token)) !== negated,
  };
}

/**
 * A value is split at its last `/` into issuer and subject, each compared by itself (authz/model/generator.go): `a/b` + `c` and
 * `a` + `b/c` are two people. A star at an end is any text of that part, one that is all of a part any but the empty one.
 */
function principalTest({ type, value }: StringMatch): (token: TokenFacts) => boolean {
  const slash = value.lastIndexOf('/');
  const issuer = value.slice(0, Math.max(0, slash));
  const subject = value.slice(slash + 1);
  switch (type) {
    case 'exact':
      return (token) => slash !== -1 && token.subject !== '' && token.issuer === issuer && token.subject === subject;
    case 'prefix':
      return slash === -1
        ? (token) => token.issuer.startsWith(value) && token.subject !== ''
        : (token) => token.issuer === issuer && token.subject !== '' && token.subject.startsWith(subject);
    case 'suffix':
      return slash === -1
        ? (token) => token.issuer !== '' && token.subject.endsWith(value) && token.subject !== ''
        : (token) => token.issuer !== '' && token.issuer.endsWith(issuer) && token.subject === subject;
    default:
      return (token) => requestPrincipalOf(token) !== undefined;
  }
}

function readerOf(key: string): ((token: TokenFacts) => readonly string[]) | undefined {
  if (key === 'request.auth.audiences') return ({ audiences }) => audiences;
  if (key === 'request.auth.presenter') return ({ presenter }) => (presenter === '' ? [] : [presenter]);
  const path = claimPath(key);
  return path === undefined ? undefined : (token) => claimTexts(token, path);
}
