/**
 * Each field of a policy rule as a predicate. A field that is not known, or a value that cannot be evaluated, goes to
 * `problems` and makes the whole rule fail closed; nothing is dropped.
 *
 * Where a value is ambiguous (a repeated header, a host with a port, an address that is none) the field is evaluated so
 * that the doubt never opens the door: an ALLOW rule needs every reading to match, a DENY rule is content with one
 * (CVE-2021-32777, CVE-2026-26308, CVE-2021-39155).
 */
import type { PathPattern, PolicyCondition, PolicyOperation, PolicySource, StringMatch } from '../plan/index.ts';
import { canonicalHost } from './host.ts';
import { compileIpBlocks, type IpPredicate } from './ip-blocks.ts';
import type {
  BoundFacts,
  ConnectionDimension,
  ConnectionField,
  FactField,
  HeaderField,
  RemoteIpField,
  RequestField,
  SourceField,
} from './policy-types.ts';
import { headerHolds } from './policy-header.ts';
import { compilePaths } from './policy-path.ts';
import { requestAuthField, requestPrincipalField } from './policy-token.ts';
import { namespaceOf, serviceAccountOf, trustDomainOf } from './principal.ts';
import { remoteIpOf } from './remote-ip.ts';
import { compileAny, describeAny, describeMatch } from './string-match.ts';

export interface FieldContext {
  readonly action: 'ALLOW' | 'DENY';
  /** See `remoteIpOf`. */
  readonly trustedProxies: number;
  /** What makes the rule fail closed, in words. */
  readonly problems: string[];
}

type Values = readonly StringMatch[];

/** The fields that a `from[].source` lists; an empty list counts as not listed, as in Istio's protobuf. */
export function compileSource(source: PolicySource, context: FieldContext): SourceField[] {
  const fields: SourceField[] = [];
  for (const [name, values] of listedFields(source)) {
    const { base, negated } = splitName(name);
    if (base === 'principals') fields.push(principalField(name, values as Values, negated));
    else if (base === 'namespaces') fields.push(namespaceField(name, values as Values, negated));
    else if (base === 'serviceAccounts') {
      fields.push(exactField({ name, values: values as readonly string[], negated }, serviceAccountOf));
    } else if (base === 'trustDomains') {
      fields.push(exactField({ name, values: values as readonly string[], negated }, trustDomainOf));
    } else if (base === 'ipBlocks') {
      const spec = { name, reads: 'sourceIp', values: values as readonly string[], negated } as const;
      fields.push(...ipField(spec, context));
    } else if (base === 'requestPrincipals')
      fields.push(requestPrincipalField({ name, values: values as Values, negated }));
    else if (base === 'remoteIpBlocks') {
      fields.push(...remoteIpField({ name, values: values as readonly string[], negated }, context));
    } else context.problems.push(`source field ${name} is not supported`);
  }
  return fields;
}

/** The fields that a `to[].operation` lists. */
export function compileOperation(
  operation: PolicyOperation,
  context: FieldContext,
): (ConnectionField | RequestField)[] {
  const fields: (ConnectionField | RequestField)[] = [];
  for (const [name, values] of listedFields(operation)) {
    const { base, negated } = splitName(name);
    if (base === 'hosts') fields.push(hostField(name, values as Values, { negated, action: context.action }));
    else if (base === 'ports') fields.push(portField(name, (values as readonly number[]).map(String), negated));
    else if (base === 'methods') fields.push(methodField(name, values as Values, negated));
    else if (base === 'paths') fields.push(pathField(name, values as readonly PathPattern[], negated));
    else context.problems.push(`operation field ${name} is not supported`);
  }
  return fields;
}

/** The one or two fields of a `when` entry: its `values` and its `notValues`. */
export function compileCondition(condition: PolicyCondition, context: FieldContext): (ConnectionField | FactField)[] {
  const { key, values, notValues } = condition;
  if (values.length === 0 && notValues.length === 0) context.problems.push(`condition ${key} has no values`);
  const fields: (ConnectionField | FactField)[] = [];
  if (values.length > 0) fields.push(...conditionField(condition, { values, negated: false, context }));
  if (notValues.length > 0) fields.push(...conditionField(condition, { values: notValues, negated: true, context }));
  return fields;
}

interface ConditionPart {
  readonly values: Values;
  readonly negated: boolean;
  readonly context: FieldContext;
}

function conditionField({ key }: PolicyCondition, part: ConditionPart): (ConnectionField | FactField)[] {
  const { values, negated, context } = part;
  const header = /^request\.headers\[([^\][]+)\]$/.exec(key)?.[1];
  if (header !== undefined) return [headerField(key, header.toLowerCase(), part)];
  const ofToken = requestAuthField({ name: key, values, negated });
  if (ofToken !== undefined) return [ofToken];
  switch (key) {
    case 'source.principal':
      return [principalField(key, values, negated)];
    case 'source.namespace':
      return [namespaceField(key, values, negated)];
    case 'source.serviceAccount':
      return [
        textField({ name: key, reads: 'principal', values, negated }, ({ principal }) => serviceAccountOf(principal)),
      ];
    case 'source.trustDomain':
      return [
        textField({ name: key, reads: 'principal', values, negated }, ({ principal }) => trustDomainOf(principal)),
      ];
    case 'connection.sni':
      return [textField({ name: key, reads: 'sni', values, negated }, ({ sni }) => sni)];
    case 'destination.port':
      return [textField({ name: key, reads: 'port', values, negated }, ({ port }) => String(port))];
    case 'source.ip':
    case 'remote.ip':
    case 'destination.ip': {
      const blocks = exactValues(values);
      if (blocks !== undefined && key === 'remote.ip')
        return remoteIpField({ name: key, values: blocks, negated }, context);
      if (blocks !== undefined) {
        return ipField(
          { name: key, reads: key === 'source.ip' ? 'sourceIp' : 'destinationIp', values: blocks, negated },
          context,
        );
      }
      context.problems.push(`condition ${key} takes addresses and CIDRs, not patterns`);
      return [];
    }
    default:
      context.problems.push(`condition ${key} is not supported`);
      return [];
  }
}

/** `[name, values]` of the fields that are present; an empty list is not. What is no list keeps its name and is unknown. */
function listedFields(element: PolicySource | PolicyOperation): [string, readonly unknown[]][] {
  return Object.entries(element).flatMap(([name, values]: [string, unknown]): [string, readonly unknown[]][] => {
    if (!Array.isArray(values)) return values === undefined ? [] : [[`${name} of another type`, []]];
    return values.length === 0 ? [] : [[name, values]];
  });
}

/** `notPaths` → `paths`, negated. */
function splitName(name: string): { readonly base: string; readonly negated: boolean } {
  if (!/^not[A-Z]/.test(name)) return { base: name, negated: false };
  return { base: name.charAt(3).toLowerCase() + name.slice(4), negated: true };
}

function exactValues(values: Values): readonly string[] | undefined {
  return values.every((match) => match.type === 'exact') ? values.map((match) => match.value) : undefined;
}

interface TextSpec {
  readonly name: string;
  readonly reads: ConnectionDimension;
  readonly values: Values;
  readonly negated: boolean;
}

/** An absent value (empty text) matches nothing, so a plaintext peer never matches `principals` and always `notPrincipals`. */
function textField(spec: TextSpec, read: (connection: BoundFacts) => string): ConnectionField {
  const { name, reads, values, negated } = spec;
  const any = compileAny(values);
  const matches = (connection: BoundFacts): boolean => {
    const value = read(connection);
    return value !== '' && any(value);
  };
  return {
    scope: 'connection',
    name,
    reads,
    wants: describeAny(values.map(describeMatch), negated),
    holds: negated ? (connection) => !matches(connection) : matches,
  };
}

function principalField(name: string, values: Values, negated: boolean): ConnectionField {
  return textField({ name, reads: 'principal', values, negated }, ({ principal }) => principal);
}

function namespaceField(name: string, values: Values, negated: boolean): ConnectionField {
  return textField({ name, reads: 'principal', values, negated }, ({ principal }) => namespaceOf(principal));
}

/** A part of the principal that is compared as it is. */
function exactField(
  { name, values, negated }: { readonly name: string; readonly values: readonly string[]; readonly negated: boolean },
  part: (principal: string) => string,
): ConnectionField {
  const exact = values.map((value) => ({ type: 'exact', value }) as const);
  return textField({ name, reads: 'principal', values: exact, negated }, ({ principal }) => part(principal));
}

function portField(name: string, ports: readonly string[], negated: boolean): ConnectionField {
  const values = ports.map((value) => ({ type: 'exact', value }) as const);
  return textField({ name, reads: 'port', values, negated }, ({ port }) => String(port));
}

interface IpSpec {
  readonly name: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

function ipField(
  spec: IpSpec & { readonly reads: 'sourceIp' | 'destinationIp' },
  context: FieldContext,
): ConnectionField[] {
  const { name, reads, values, negated } = spec;
  const isIn = addressTest(spec, context);
  if (isIn === undefined) return [];
  const wants = describeAny(values, negated);
  return [{ scope: 'connection', name, reads, wants, holds: (connection) => isIn(connection[reads]) !== negated }];
}

function remoteIpField(spec: IpSpec, context: FieldContext): RemoteIpField[] {
  const { name, values, negated } = spec;
  const { trustedProxies } = context;
  const isIn = addressTest(spec, context);
  if (isIn === undefined) return [];
  return [
    {
      scope: 'remoteIp',
      name,
      wants: describeAny(values, negated),
      holds: (request, connection) => isIn(remoteIpOf(request, connection, trustedProxies)) !== negated,
    },
  ];
}

function addressTest(
  { name, values, negated }: IpSpec,
  context: FieldContext,
): ((address: string) => boolean) | undefined {
  const blocks = compileIpBlocks(values);
  if ('invalid' in blocks) {
    context.problems.push(`${name} has ${JSON.stringify(blocks.invalid)}, which is neither an address nor a CIDR`);
    return undefined;
  }
  const contains: IpPredicate = blocks.contains;
  // What is not an address is in no block for certain and in any block for all one knows.
  const inDoubt = isLenient(context.action, negated);
  return (address) => contains(address) ?? inDoubt;
}

/** Whether a doubtful value counts as matching the listed values, before negation: so for DENY, and for `not…` of ALLOW. */
function isLenient(action: 'ALLOW' | 'DENY', negated: boolean): boolean {
  return (action === 'DENY') !== negated;
}

function hostField(
  name: string,
  values: Values,
  { negated, action }: { readonly negated: boolean; readonly action: 'ALLOW' | 'DENY' },
): RequestField {
  const any = compileAny(values, { ignoreCase: true });
  // A client that adds a port or a final dot must not escape a list; it must not enter one either.
  const matches = isLenient(action, negated) ? (host: string) => any(host) || any(canonicalHost(host)) : any;
  const holds = negated ? (host: string) => !matches(host) : matches;
  return { scope: 'host', name, wants: describeAny(values.map(describeMatch), negated), holds };
}

function methodField(name: string, values: Values, negated: boolean): RequestField {
  const any = compileAny(values);
  const holds = negated ? (method: string) => !any(method) : any;
  return { scope: 'method', name, wants: describeAny(values.map(describeMatch), negated), holds };
}

function pathField(name: string, patterns: readonly PathPattern[], negated: boolean): RequestField {
  const any = compilePaths(patterns);
  const holds = negated ? (path: string) => !any(path) : any;
  return { scope: 'path', name, wants: describeAny(patterns.map(describeMatch), negated), holds };
}

function headerField(name: string, header: string, { values, negated, context }: ConditionPart): HeaderField {
  // Of a header `*` asks only that it is there (authz/matcher/header.go), an empty one too.
  const any = values.some(({ type }) => type === 'presence') ? () => true : compileAny(values);
  const holds = headerHolds(header, { any, negated, lenient: isLenient(context.action, negated) });
  return { scope: 'header', name, header, wants: describeAny(values.map(describeMatch), negated), holds };
}
