/** Why each rule did or did not match; runs only when someone listens. */
import type { RequestFacts } from './facts.ts';
import { maxExplained } from './limits.ts';
import { pathWithoutQuery } from './path.ts';
import type {
  AuthorizationTrace,
  BoundAuthorization,
  BoundFacts,
  CompiledField,
  CompiledPolicies,
  CompiledRule,
  ConnectionDimension,
} from './policy-types.ts';
import { quote } from './quote.ts';
import { remoteIpOf } from './remote-ip.ts';
import { requestPrincipalOf } from './token-facts.ts';

/** Writes one step per rule, DENY first, as they are evaluated. */
export function traceRules(trace: AuthorizationTrace, bound: BoundAuthorization, request: RequestFacts): void {
  const { deny, allow } = bound.policies.enforced;
  for (const rule of [...deny, ...allow].slice(0, maxExplained)) {
    const mismatch = mismatchOf(rule, bound, request);
    const action = deny.includes(rule) ? 'DENY' : 'ALLOW';
    trace.steps.push({ rule: rule.reference, action, matched: mismatch === undefined, mismatch });
  }
}

/** The first field that keeps a rule from matching, in words; undefined when it matches. */
export function mismatchOf(rule: CompiledRule, bound: BoundAuthorization, request: RequestFacts): string | undefined {
  if (rule.brokenReason !== undefined) {
    return rule.policy.action === 'ALLOW' ? `the rule cannot be evaluated: ${rule.brokenReason}` : undefined;
  }
  const subject = { connection: bound.connection, policies: bound.policies, request };
  return (
    mismatchOfAny(rule.from, subject) ??
    mismatchOfAny(rule.to, subject) ??
    rule.when.map((field) => mismatchOfField(field, subject)).find(isText)
  );
}

interface Subject {
  readonly connection: BoundFacts;
  readonly policies: CompiledPolicies;
  readonly request: RequestFacts;
}

/** Of alternatives that all fail, the complaint of the first. */
function mismatchOfAny(alternatives: readonly (readonly CompiledField[])[], subject: Subject): string | undefined {
  let first: string | undefined;
  for (const fields of alternatives) {
    const mismatch = fields.map((field) => mismatchOfField(field, subject)).find(isText);
    if (mismatch === undefined) return undefined;
    first ??= mismatch;
  }
  return first;
}

function isText(text: string | undefined): text is string {
  return text !== undefined;
}

function mismatchOfField(field: CompiledField, { connection, policies, request }: Subject): string | undefined {
  switch (field.scope) {
    case 'connection':
      return field.holds(connection)
        ? undefined
        : `${connectionSubject(field.reads, connection)}, ${field.name} wants ${field.wants}`;
    case 'path': {
      const path = pathWithoutQuery(request.path);
      return field.holds(path) ? undefined : `path is ${quote(path)}, ${field.name} wants ${field.wants}`;
    }
    case 'method':
      return field.holds(request.method)
        ? undefined
        : `method is ${quote(request.method)}, ${field.name} wants ${field.wants}`;
    case 'host':
      return field.holds(request.authority)
        ? undefined
        : `host is ${quote(request.authority)}, ${field.name} wants ${field.wants}`;
    case 'header': {
      // The value stays out: headers carry tokens, and reasons go to logs.
      const presence = request.header(field.header) === undefined ? 'absent' : 'another';
      return field.holds(request)
        ? undefined
        : `header ${field.header} is ${presence}, ${field.name} wants ${field.wants}`;
    }
    case 'token':
      return field.holds(request)
        ? undefined
        : `${tokenSubject(field.name, request, policies)}, ${field.name} wants ${field.wants}`;
    case 'remoteIp':
      return field.holds(request, connection)
        ? undefined
        : `client address is ${quote(remoteIpOf(request, connection, policies.trustedProxies))}, ${field.name} wants ${field.wants}`;
  }
}

function connectionSubject(dimension: ConnectionDimension, connection: BoundFacts): string {
  switch (dimension) {
    case 'principal':
      return connection.principal === ''
        ? 'the source has no identity (plaintext)'
        : `source principal is ${quote(connection.principal)}`;
    case 'sourceIp':
      return `source address is ${quote(connection.sourceIp)}`;
    case 'destinationIp':
      return `destination address is ${quote(connection.destinationIp)}`;
    case 'port':
      return `destination port is ${connection.port}`;
    case 'sni':
      return connection.sni === '' ? 'the connection has no server name' : `server name is ${quote(connection.sni)}`;
  }
}

/** What there is in place of what the field wants. Claims stay out: tokens carry personal data, and reasons go to logs. */
function tokenSubject(name: string, { token }: RequestFacts, { verifiesTokens }: CompiledPolicies): string {
  if (token === undefined) {
    return verifiesTokens
      ? 'the request has no token'
      : 'no RequestAuthentication applies here, so that no request has a verified token';
  }
  if (name.includes('claims[')) return 'the claim of the verified token is absent or another';
  if (name.endsWith('.audiences'))
    return `audiences of the token are ${token.audiences.map(quote).join(', ') || 'none'}`;
  if (name.endsWith('.presenter')) return `presenter (azp) of the token is ${quote(token.presenter)}`;
  const principal = requestPrincipalOf(token);
  return principal === undefined
    ? 'the token has no sub, so that there is no request principal'
    : `request principal is ${quote(principal)}`;
}
