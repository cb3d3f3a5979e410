/** AuthorizationPolicies decided by the text of Istio's reference, from the manifests as they are written; slow and plain. */

type Texts = readonly string[];

export interface Rule {
  readonly from?: readonly { readonly source: Readonly<Record<string, Texts>> }[];
  readonly to?: readonly { readonly operation: Readonly<Record<string, Texts>> }[];
  readonly when?: readonly { readonly key: string; readonly values?: Texts; readonly notValues?: Texts }[];
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly action?: string;
    readonly provider?: { readonly name: string };
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly rules?: readonly Rule[];
  };
}

export interface NamedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly ruleIndex: number;
}

/** A request to workload `default/web`, labelled `app: web`, port 8080. */
export interface Subject {
  readonly request: {
    readonly authority: string;
    readonly path: string;
    readonly method: string;
    readonly scheme: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  /** The claims of the verified token. */
  readonly token: Readonly<Record<string, unknown>> | undefined;
  /** Without `spiffe://`; empty for a plaintext peer. */
  readonly principal: string;
  readonly sni: string;
  readonly sourceIp: string;
  readonly destinationIp: string;
}

/** The mesh's trust domain and its aliases. */
export const localDomains: Texts = ['mesh.example', 'old.example'];
const port = '8080';

/** "`*` presence, `*x` suffix, `x*` prefix, anything else exact". */
function text(pattern: string, value: string): boolean {
  if (pattern === '*') return value !== '';
  if (pattern.startsWith('*')) return value.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}

const quoted = (literal: string): string => literal.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const whole = (expression: string, value: string): boolean => new RegExp(`^(?:${expression})$`, 's').test(value);

/** "expanded to all of {local trust domain, aliases}" for `cluster.local` and the mesh's own names. */
const domains = (name: string): Texts =>
  name === 'cluster.local' || localDomains.includes(name) ? localDomains : [name];

/** "compared as the peer certificate URI SAN spiffe:// + value; `*x` → regex spiffe://.*x; `*` → any authenticated peer". */
function principal(pattern: string, uri: string): boolean {
  const [domain = '', ...rest] = pattern.split('/');
  const patterns = rest.length === 4 ? domains(domain).map((one) => [one, ...rest].join('/')) : [pattern];
  return patterns.some((one) => {
    if (one === '*') return uri !== '';
    if (one.startsWith('*')) return whole(`spiffe://.*${quoted(one.slice(1))}`, uri);
    return text(`spiffe://${one}`, uri);
  });
}

// "regex .*/ns/<value with * → .*>/.* on the URI SAN".
const namespace = (pattern: string, uri: string): boolean =>
  whole(`.*/ns/${pattern.split('*').map(quoted).join('.*')}/.*`, uri);

/** "`<ns>/<sa>` or `<sa>` = the policy's own namespace: regex spiffe://.+/ns/NS/(.+/|)sa/SA(/.+)?". */
function account(name: string, uri: string, own: string): boolean {
  const [ns, sa] = name.includes('/') ? (name.split('/') as [string, string]) : [own, name];
  return whole(`spiffe://.+/ns/${quoted(ns)}/(.+/|)sa/${quoted(sa)}(/.+)?`, uri);
}

/** "exact value → prefix spiffe://td/; aliases expanded". */
const trustDomain = (name: string, uri: string): boolean =>
  domains(name).some((domain) => uri.startsWith(`spiffe://${domain}/`));

/** "single IP or CIDR"; IPv4 only, by its 32 bits. */
function address(block: string, ip: string): boolean {
  const bits = (four: string): string =>
    four
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const [base = '', length = '32'] = block.split('/');
  return bits(ip).startsWith(bits(base).slice(0, Number(length)));
}

/** "the client address derived from X-Forwarded-For": at a sidecar what the gateway, a peer of the mesh, wrote last. */
function remoteIp({ request, principal: peer, sourceIp }: Subject): string {
  const forwarded = request.headers.find(([name]) => name === 'x-forwarded-for')?.[1];
  return peer === '' || forwarded === undefined ? sourceIp : (forwarded.split(',').at(-1) ?? '').trim();
}

/** "iss/sub of the validated JWT, split at the last /"; a star stands for its own part, which is not empty. */
function requestPrincipal(pattern: string, token: Subject['token']): boolean {
  const { iss, sub } = (token ?? {}) as { readonly iss?: string; readonly sub?: string };
  if (iss === undefined || sub === undefined) return false;
  if (pattern === '*') return true;
  const slash = pattern.lastIndexOf('/');
  const [issuer, subject] = slash === -1 ? [undefined, pattern] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  if (pattern.startsWith('*')) return issuer === undefined ? text(subject, sub) : text(issuer, iss) && sub === subject;
  if (pattern.endsWith('*')) return issuer === undefined ? text(subject, iss) : iss === issuer && text(subject, sub);
  return iss === issuer && sub === subject;
}

/** "string, list of strings: contains; scope and permission are split at spaces; nested string claims are matched whole". */
function claimTexts(token: Subject['token'], names: Texts): Texts {
  let value: unknown = token;
  for (const name of names) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  const isWords = names.length === 1 && ['scope', 'permission'].includes(names[0] as string);
  if (typeof value === 'string') return isWords ? value.split(' ') : [value];
  return Array.isArray(value) ? (value as Texts) : [];
}

/** "exact/prefix/suffix, or template with {*} (one segment) and {**} (zero or more)". */
function path(pattern: string, value: string): boolean {
  if (!pattern.includes('{*')) return text(pattern, value);
  const expression = pattern
    .split(/(\{\*\*?\})/)
    .map((part) => (part === '{*}' ? '[^/]+' : part === '{**}' ? '.*' : quoted(part)));
  return whole(expression.join(''), value);
}

/**
 * "case-insensitive exact/prefix/suffix; the port is part of the value when the client sends it". Here stricter where a match
 * means refusal: then the host without its port counts as well.
 */
function host(pattern: string, authority: string, refuses: boolean): boolean {
  const readings = refuses ? [authority, authority.replace(/:\d+$/, '')] : [authority];
  return readings.some((one) => text(pattern.toLowerCase(), one.toLowerCase()));
}

interface Place {
  readonly subject: Subject;
  /** Of the policy. */
  readonly own: string;
  readonly isAllow: boolean;
}

type Field = (value: string, place: Place, isNegated: boolean) => boolean;

const ofPeer =
  (matches: (value: string, uri: string, own: string) => boolean): Field =>
  (value, { subject, own }) =>
    subject.principal !== '' && matches(value, `spiffe://${subject.principal}`, own);
const ofAddress =
  (read: (subject: Subject) => string): Field =>
  (value, { subject }) =>
    address(value, read(subject));

const fields: Readonly<Record<string, Field>> = {
  principals: ofPeer(principal),
  namespaces: ofPeer(namespace),
  serviceAccounts: ofPeer(account),
  trustDomains: ofPeer(trustDomain),
  requestPrincipals: (value, { subject }) => requestPrincipal(value, subject.token),
  ipBlocks: ofAddress(({ sourceIp }) => sourceIp),
  remoteIpBlocks: ofAddress(remoteIp),
  hosts: (value, { subject, isAllow }, isNegated) => host(value, subject.request.authority, isAllow === isNegated),
  methods: (value, { subject }) => text(value, subject.request.method),
  paths: (value, { subject }) => path(value, subject.request.path.replace(/[?#].*$/, '')),
  ports: (value) => value === port,
};

/** "request.headers[name]: name case-insensitive"; `*` asks only that it is there. */
function header(name: string, value: string, { subject: { request }, isAllow }: Place, isNegated: boolean): boolean {
  const values = request.headers.filter(([one]) => one === name.toLowerCase()).map(([, one]) => one);
  if (values.length === 0) return false;
  // A repeated header has several readings; none of them may open the door.
  const readings = [...values, values.join(',')].map((one) => value === '*' || text(value, one));
  return isAllow === isNegated ? readings.includes(true) : !readings.includes(false);
}

const keys: Readonly<Record<string, Field>> = {
  'source.ip': fields['ipBlocks'] as Field,
  'remote.ip': fields['remoteIpBlocks'] as Field,
  'source.namespace': fields['namespaces'] as Field,
  'source.principal': fields['principals'] as Field,
  'source.serviceAccount': fields['serviceAccounts'] as Field,
  'source.trustDomain': fields['trustDomains'] as Field,
  'request.auth.principal': fields['requestPrincipals'] as Field,
  'request.auth.audiences': (value, { subject }) => claimTexts(subject.token, ['aud']).some((one) => text(value, one)),
  'request.auth.presenter': (value, { subject }) => claimTexts(subject.token, ['azp']).some((one) => text(value, one)),
  'destination.ip': ofAddress(({ destinationIp }) => destinationIp),
  'destination.port': (value) => value === port,
  'connection.sni': (value, { subject }) => subject.sni !== '' && text(value, subject.sni),
};

function fieldOf(key: string): Field {
  const name = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  if (name !== undefined) return (value, place, isNegated) => header(name, value, place, isNegated);
  const claims = /^request\.auth\.claims\[(.*)\]$/.exec(key)?.[1]?.split('][');
  if (claims !== undefined) {
    return (value, { subject }) => claimTexts(subject.token, claims).some((one) => text(value, one));
  }
  return keys[key] as Field;
}

/** "field matches ⇔ any value matches; notX matches ⇔ NOT(any value matches); X and notX together = X AND notX". */
function allHold(listed: Readonly<Record<string, Texts>>, place: Place): boolean {
  return Object.entries(listed).every(([name, values]) => {
    const positive = name.replace(/^not([A-Z])/, (_, first: string) => first.toLowerCase());
    const isNegated = positive !== name;
    return values.some((value) => (fields[positive] as Field)(value, place, isNegated)) !== isNegated;
  });
}

/** "rule matches ⇔ (from empty OR any from[] matches) AND (to empty OR any to[] matches) AND every when[] matches". */
function ruleMatches({ from = [], to = [], when = [] }: Rule, place: Place): boolean {
  return (
    (from.length === 0 || from.some(({ source }) => allHold(source, place))) &&
    (to.length === 0 || to.some(({ operation }) => allHold(operation, place))) &&
    when.every(
      ({ key, values = [], notValues = [] }) =>
        (values.length === 0 || values.some((value) => fieldOf(key)(value, place, false))) &&
        !notValues.some((value) => fieldOf(key)(value, place, true)),
    )
  );
}

const isTrial = ({ metadata }: Manifest): boolean => metadata.annotations?.['istio.io/dry-run'] === 'true';
const actionOf = ({ spec }: Manifest): string => spec.action ?? 'ALLOW';

/** "policies of the root namespace + of the workload's own; without a selector mesh-wide, namespace-wide". */
function inForce(all: readonly Manifest[]): Manifest[] {
  return all
    .filter(({ metadata }) => ['istio-system', 'default'].includes(metadata.namespace))
    .filter(({ spec }) => (spec.selector?.matchLabels['app'] ?? 'web') === 'web')
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({ metadata }: Manifest): string => `${metadata.namespace}\0${metadata.name}`;

function firstMatch(all: readonly Manifest[], action: string, subject: Subject): NamedPolicy | undefined {
  for (const manifest of all.filter((one) => actionOf(one) === action)) {
    const { name, namespace: own } = manifest.metadata;
    const place = { subject, own, isAllow: action === 'ALLOW' };
    const ruleIndex = (manifest.spec.rules ?? []).findIndex((rule) => ruleMatches(rule, place));
    if (ruleIndex !== -1) return { namespace: own, name, ruleIndex };
  }
  return undefined;
}

interface Verdict {
  readonly allowed: boolean;
  readonly by: NamedPolicy | undefined;
}

/** CUSTOM without its provider refuses; then "any DENY match → deny; no ALLOW policy → allow; any ALLOW match → allow; otherwise → deny". */
function verdict(all: readonly Manifest[], subject: Subject): Verdict {
  const refused = firstMatch(all, 'CUSTOM', subject) ?? firstMatch(all, 'DENY', subject);
  if (refused !== undefined) return { allowed: false, by: refused };
  const by = firstMatch(all, 'ALLOW', subject);
  return { allowed: by !== undefined || !all.some((one) => actionOf(one) === 'ALLOW'), by };
}

export function decideRequest(
  all: readonly Manifest[],
  subject: Subject,
): { readonly allowed: boolean; readonly by: string; readonly trial: boolean | undefined; readonly audit: string } {
  const present = inForce(all);
  // "Dry-run CUSTOM still calls ext_authz."
  const tried = present.filter((one) => isTrial(one) && ['ALLOW', 'DENY'].includes(actionOf(one)));
  const enforced = present.filter((one) => !isTrial(one) || actionOf(one) === 'CUSTOM');
  const { allowed, by } = verdict(enforced, subject);
  const named = (one: NamedPolicy | undefined): string =>
    one === undefined ? '' : `${one.namespace}/${one.name}[${one.ruleIndex}]`;
  return {
    allowed,
    by: named(by),
    trial: tried.length === 0 ? undefined : verdict(tried, subject).allowed,
    audit: named(firstMatch(enforced, 'AUDIT', subject)),
  };
}

const httpOnly = /^(?:not)?(?:methods|paths|hosts|requestPrincipals)$/i;
const isHttpKey = (key: string): boolean => key.startsWith('request.');

/** "ALLOW: the whole rule is dropped; DENY, AUDIT: only the field is dropped". */
export function decideConnection(all: readonly Manifest[], subject: Subject): boolean {
  const narrowed = all.map((manifest) => {
    const { rules = [] } = manifest.spec;
    const left = actionOf(manifest) === 'ALLOW' ? rules.filter((rule) => !readsHttp(rule)) : rules.map(withoutHttp);
    return { ...manifest, spec: { ...manifest.spec, rules: left } };
  });
  // There are no headers either.
  return decideRequest(narrowed, { ...subject, request: { ...subject.request, headers: [] } }).allowed;
}

function readsHttp({ from = [], to = [], when = [] }: Rule): boolean {
  const names = [...from.map(({ source }) => source), ...to.map(({ operation }) => operation)].flatMap(Object.keys);
  return names.some((name) => httpOnly.test(name)) || when.some(({ key }) => isHttpKey(key));
}

function withoutHttp({ from = [], to = [], when = [] }: Rule): Rule {
  const kept = (listed: Readonly<Record<string, Texts>>): Readonly<Record<string, Texts>> =>
    Object.fromEntries(Object.entries(listed).filter(([name]) => !httpOnly.test(name)));
  return {
    from: from.map(({ source }) => ({ source: kept(source) })),
    to: to.map(({ operation }) => ({ operation: kept(operation) })),
    when: when.filter(({ key }) => !isHttpKey(key)),
  };
}
