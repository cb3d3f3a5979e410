import { quoteRegex } from './quote-regex.ts';

/** Istio's string match (authz/matcher/string.go): `*` presence, `*x` suffix, `x*` prefix, otherwise exact. */
export interface StringPattern {
  readonly type: 'exact' | 'prefix' | 'suffix' | 'presence' | 'glob';
  readonly value: string;
}

export type PathPatternModel = StringPattern | { readonly type: 'template'; readonly value: string };

/** A star anywhere but at one end is an ordinary character. */
export function parseStringPattern(text: string): StringPattern {
  if (text === '*') return { type: 'presence', value: '' };
  if (text.startsWith('*')) return { type: 'suffix', value: text.slice(1) };
  if (text.endsWith('*')) return { type: 'prefix', value: text.slice(0, -1) };
  return { type: 'exact', value: text };
}

/** Of a namespace every star is any text, wherever it stands (authz/model/generator.go, srcNamespaceGenerator). */
export function parseNamespacePattern(text: string): StringPattern {
  const pattern = parseStringPattern(text);
  return pattern.value.includes('*') ? { type: 'glob', value: text } : pattern;
}

/** For findings only; requests are decided from the plan. */
export function patternMatches({ type, value: part }: StringPattern, value: string): boolean {
  if (type === 'presence') return value !== '';
  if (type === 'glob') return new RegExp(`^${part.split('*').map(quoteRegex).join('.*')}$`, 's').test(value);
  if (type === 'prefix') return value.startsWith(part);
  return type === 'suffix' ? value.endsWith(part) : value === part;
}

/** A path that holds `{*}` or `{**}` is a template; the decoder has checked its form. */
export function parsePathPattern(text: string): PathPatternModel {
  const isTemplate = text.includes('{*}') || text.includes('{**}');
  return isTemplate ? { type: 'template', value: text } : parseStringPattern(text);
}

/** What principals are compared in: this mesh's trust domain and the other names it goes by. */
export interface TrustDomains {
  readonly trustDomain: string;
  readonly aliases: readonly string[];
}

const principalSegments = 5;

/**
 * `cluster.local`, the mesh's own trust domain and its aliases all mean this mesh: a complete principal
 * (`<td>/ns/<ns>/sa/<sa>`) of one of them stands for the same account in each. Foreign trust domains and patterns that
 * do not have five segments stay as they are (Istio, pkg/security/trustdomain).
 */
export function expandPrincipal(principal: string, trust: TrustDomains): readonly string[] {
  const segments = principal.split('/');
  const [domain] = segments;
  if (segments.length !== principalSegments || domain === undefined) return [principal];
  const rest = segments.slice(1).join('/');
  return expandDomain(domain, trust).map((name) => `${name}/${rest}`);
}

/** A name of this mesh stands for all of its names; any other for itself. */
export function expandDomain(domain: string, { trustDomain, aliases }: TrustDomains): readonly string[] {
  const local = [...new Set([trustDomain, ...aliases])];
  return domain === 'cluster.local' || local.includes(domain) ? local : [domain];
}
