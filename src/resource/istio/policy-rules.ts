import { isAddressBlock } from '../address.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';

/**
 * What Istio's validation asks of the parts of an AuthorizationPolicy (pkg/config/security, istio.md 1.1 to 1.4): the
 * rules that no schema can say.
 */

type Texts = readonly string[] | undefined;

interface SourceFields {
  readonly principals?: Texts;
  readonly notPrincipals?: Texts;
  readonly namespaces?: Texts;
  readonly notNamespaces?: Texts;
  readonly serviceAccounts?: Texts;
  readonly notServiceAccounts?: Texts;
  readonly ipBlocks?: Texts;
  readonly notIpBlocks?: Texts;
  readonly remoteIpBlocks?: Texts;
  readonly notRemoteIpBlocks?: Texts;
}

export function checkSource(source: SourceFields | undefined, path: Path, context: DecodeContext): void {
  checkNotEmpty(source, path, context);
  if (source === undefined) return;
  const accounts = (['serviceAccounts', 'notServiceAccounts'] as const).find((field) => source[field] !== undefined);
  const others = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const;
  const beside = others.find((field) => source[field] !== undefined);
  if (accounts !== undefined && beside !== undefined) {
    context.error([...path, accounts], {
      message: `${accounts} must not stand beside ${beside}`,
      remedy: 'Keep one of them; a service account already says its namespace.',
    });
  }
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    checkAccounts(source[field] ?? [], [...path, field], context);
  }
  for (const field of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const) {
    for (const [index, value] of (source[field] ?? []).entries()) {
      if (isAddressBlock(value)) continue;
      context.error([...path, field, index], {
        message: `"${value}" is neither an IP address nor a CIDR block`,
        remedy: 'Write an address such as 10.1.2.3, or a block such as 10.1.0.0/16.',
      });
    }
  }
}

function checkAccounts(accounts: readonly string[], path: Path, context: DecodeContext): void {
  for (const [index, value] of accounts.entries()) {
    if (/^[^/*]+(\/[^/*]+)?$/.test(value)) continue;
    context.error([...path, index], {
      message: `"${value}" is not a service account`,
      remedy: 'Write namespace/name, or the name alone for the namespace of the policy; no "*".',
    });
  }
}

interface OperationFields {
  readonly ports?: Texts;
  readonly notPorts?: Texts;
  readonly paths?: Texts;
  readonly notPaths?: Texts;
}

export function checkOperation(operation: OperationFields | undefined, path: Path, context: DecodeContext): void {
  checkNotEmpty(operation, path, context);
  if (operation === undefined) return;
  for (const field of ['ports', 'notPorts'] as const) {
    for (const [index, value] of (operation[field] ?? []).entries()) {
      checkPort(value, [...path, field, index], context);
    }
  }
  for (const field of ['paths', 'notPaths'] as const) {
    for (const [index, value] of (operation[field] ?? []).entries()) {
      if (isPathPattern(value)) continue;
      context.error([...path, field, index], {
        message: `path template "${value}" is not valid`,
        remedy:
          'Use {*} for one whole segment and {**} for any number of them, after which no other may come; no other *, { or }.',
      });
    }
  }
}

/**
 * A template has `{*}` or `{**}` as whole segments, none after `{**}`, and other segments of plain characters. Where there is
 * no template there are no braces either (pkg/config/security, CheckValidPathTemplate).
 */
function isPathPattern(value: string): boolean {
  if (!value.includes('{*}') && !value.includes('{**}')) return !/[{}]/.test(value);
  const segments = value.replaceAll(/^\/+|\/+$/g, '').split('/');
  const rest = segments.indexOf('{**}');
  return segments.every((segment, index) => {
    if (segment === '{*}' || segment === '{**}') return rest === -1 || index <= rest;
    return /^[\w\-.~%!$&'()+,;:@=]+$/.test(segment);
  });
}

/** `source: {}`, `operation: {}` and a missing one would match anything, which is never what is meant. */
function checkNotEmpty(fields: object | undefined, path: Path, context: DecodeContext): void {
  const entries = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
  const last = String(path.at(-1));
  if (entries.every(([, value]) => Array.isArray(value) && value.length === 0)) {
    context.error(path, {
      message: `${last} has no fields`,
      remedy: `Add a field to ${last}, or take the entry away.`,
    });
    return;
  }
  for (const [field, value] of entries) {
    if (!Array.isArray(value) || value.length > 0) continue;
    context.warn([...path, field], {
      message: `${field} is empty and counts as not written`,
      remedy: `Add a value, or take ${field} away.`,
    });
  }
}

function checkPort(value: string, path: Path, context: DecodeContext): void {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return;
  context.error(path, { message: `"${value}" is not a port`, remedy: 'Write a number from 0 to 65535 in quotes.' });
}

const plainKeys = new Set([
  'source.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'remote.ip',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'destination.ip',
  'destination.port',
  'connection.sni',
]);

/** Known to Istio; what Envoy's filters leave there does not exist here. */
const refusedKeys = /^(?:experimental\.envoy\.filters\.|request\.experimental\.inline\.headers\[.)/;

/** `request.headers[name]`, `request.auth.claims[name]` and deeper. */
const bracketKeys = /^(?:request\.headers\[[^\]]+\]|request\.auth\.claims(?:\[[^\][]+\])+)$/;

const addressKeys = new Set(['source.ip', 'remote.ip', 'destination.ip']);

interface ConditionFields {
  readonly key: string;
  readonly values?: Texts;
  readonly notValues?: Texts;
}

export function checkCondition(condition: ConditionFields, path: Path, context: DecodeContext): void {
  const { key, values = [], notValues = [] } = condition;
  if (values.length === 0 && notValues.length === 0) {
    context.error(path, {
      message: `condition ${key} has neither values nor notValues`,
      remedy: 'Add one of the two.',
    });
  }
  if (refusedKeys.test(key)) {
    context.refuse([...path, 'key'], {
      message: `condition ${key} is not yet supported: an ALLOW rule never matches, a DENY rule matches without it`,
      remedy: 'Use another condition until it is.',
    });
    return;
  }
  if (!plainKeys.has(key) && !bracketKeys.test(key)) {
    context.error([...path, 'key'], {
      message: `"${key}" is not a condition that Istio knows`,
      remedy: `Use request.headers[name], request.auth.claims[name] or one of: ${[...plainKeys].join(', ')}.`,
    });
  }
  for (const field of ['values', 'notValues'] as const) {
    if (key === 'source.serviceAccount') checkAccounts(condition[field] ?? [], [...path, field], context);
    for (const [index, value] of (condition[field] ?? []).entries()) {
      const at = [...path, field, index];
      if (key === 'destination.port') checkPort(value, at, context);
      if (addressKeys.has(key) && !isAddressBlock(value)) {
        context.error(at, {
          message: `"${value}" is neither an IP address nor a CIDR block`,
          remedy: 'Write an address such as 10.1.2.3, or a block such as 10.1.0.0/16.',
        });
      }
    }
  }
}

interface CustomRule {
  readonly from?: readonly { readonly source?: Readonly<Record<string, unknown>> | undefined }[] | undefined;
  readonly when?: readonly { readonly key: string }[] | undefined;
}

/** Who calls is known only after an external authorizer was asked, so that CUSTOM cannot select by it (istio.md 1.5). */
const identityField = /^(?:not)?(?:principals|requestPrincipals|namespaces|serviceAccounts|trustDomains)$/i;
const identityKey = /^(?:source\.(?:namespace|principal|serviceAccount|trustDomain)$|request\.auth\.)/;

export function checkCustomRules(rules: readonly CustomRule[], context: DecodeContext): void {
  const report = (path: Path, field: string): void =>
    context.error(path, {
      message: `${field} is not possible with action CUSTOM`,
      remedy: 'Select by path, host, method, header, address or port, and leave the caller to an ALLOW or DENY policy.',
    });
  for (const [index, { from = [], when = [] }] of rules.entries()) {
    for (const [at, { source = {} }] of from.entries()) {
      const fields = Object.keys(source).filter((field) => source[field] !== undefined && identityField.test(field));
      for (const field of fields) report(['spec', 'rules', index, 'from', at, 'source', field], field);
    }
    for (const [at, { key }] of when.entries()) {
      if (identityKey.test(key)) report(['spec', 'rules', index, 'when', at, 'key'], key);
    }
  }
}
