/** Which tokens each proxy takes: RequestAuthentications, bound as policies are, with the keys that are known by now. */
import { compareText, diagnose } from '../base/index.ts';
import type { JwtKeys, JwtRule as JwtRulePlan, TokenLocation } from '../plan/index.ts';
import type { JwtRule, RequestAuthentication } from '../resource/index.ts';
import { codes } from './codes.ts';
import { parseKeySet, type KeySet } from './json-web-keys.ts';
import { indexSelectors } from './labels.ts';
import type { RemoteKeySource, RequestAuthenticationModel } from './model.ts';
import { binds, type Enforcer } from './policies.ts';
import { groupBy, keyOf, type World } from './world.ts';

export interface CheckedAuthentication {
  readonly source: RequestAuthentication;
  readonly model: RequestAuthenticationModel;
}

/** What a proxy asks of tokens, by namespace and name. */
export type AuthenticationLookup = (enforcer: Enforcer) => readonly RequestAuthenticationModel[];

/** Reads each RequestAuthentication once; what its keys are depends on what has been fetched. */
export function checkRequestAuthentications(world: World): readonly CheckedAuthentication[] {
  return world.resources.requestAuthentications
    .map((source) => {
      const { namespace, name } = source.metadata;
      const rules = source.spec.jwtRules.map((rule) => readRule(world, rule));
      return { source, model: { origin: source.origin, namespace, name, rules } };
    })
    .sort((a, b) => compareText(keyOf(a.source), keyOf(b.source)));
}

/** As policies: those of the root namespace and of the proxy's own, by selector, target or for all; all of them count. */
export function makeAuthenticationLookup(
  world: World,
  authentications: readonly CheckedAuthentication[],
): AuthenticationLookup {
  const byNamespace = new Map(
    [...groupBy(authentications, ({ source }) => source.metadata.namespace)].map(([namespace, group]) => [
      namespace,
      indexSelectors(group, ({ source }) => source.spec.selector?.matchLabels ?? {}),
    ]),
  );
  const { rootNamespace } = world.options;
  return (enforcer) =>
    [...new Set([rootNamespace, enforcer.identity.namespace])]
      .flatMap((namespace) => byNamespace.get(namespace)?.(enforcer.identity.labels) ?? [])
      .filter(({ source }) => binds(source, enforcer))
      .map(({ model }) => model);
}

/** The key sets that somebody has to fetch. */
export function remoteKeySources(authentications: readonly CheckedAuthentication[]): readonly RemoteKeySource[] {
  const sources = new Map<string, RemoteKeySource>();
  for (const { source } of authentications) {
    for (const rule of source.spec.jwtRules) {
      const remote = remoteSourceOf(rule);
      if (remote === undefined) continue;
      // Rules that share a key set wait as long as the most patient of them.
      const timeoutMs = Math.max(remote.timeoutMs, sources.get(remote.url)?.timeoutMs ?? 0);
      sources.set(remote.url, { ...remote, timeoutMs });
    }
  }
  return [...sources.values()].sort((a, b) => compareText(a.url, b.url));
}

function remoteSourceOf({ jwks, jwksUri, issuer, timeoutMs }: JwtRule): RemoteKeySource | undefined {
  if (jwks !== undefined) return undefined;
  if (jwksUri !== undefined) return { url: jwksUri.value, isDiscovery: false, timeoutMs };
  if (!/^https?:\/\/[^/]/i.test(issuer)) return undefined;
  const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
  return { url: `${base}/.well-known/openid-configuration`, isDiscovery: true, timeoutMs };
}

function readRule(world: World, rule: JwtRule): JwtRulePlan {
  const { outputPayloadToHeader } = rule;
  return {
    origin: rule.origin,
    index: rule.index,
    issuer: rule.issuer,
    audiences: rule.audiences,
    keys: keysOf(world, rule),
    locations: locationsOf(rule),
    forwardOriginalToken: rule.forwardOriginalToken,
    ...(outputPayloadToHeader === undefined ? {} : { outputPayloadToHeader: outputPayloadToHeader.toLowerCase() }),
    outputClaimToHeaders: rule.outputClaimToHeaders.map(({ header, claim }) => ({
      header: header.toLowerCase(),
      claim,
    })),
    spaceDelimitedClaims: rule.spaceDelimitedClaims,
  };
}

function locationsOf({ fromHeaders, fromParams, fromCookies }: JwtRule): readonly TokenLocation[] {
  const given: readonly TokenLocation[] = [
    ...fromHeaders.map(({ name, prefix }) => ({ type: 'header', name: name.toLowerCase(), prefix }) as const),
    ...fromParams.map((name) => ({ type: 'param', name }) as const),
    ...fromCookies.map((name) => ({ type: 'cookie', name }) as const),
  ];
  if (given.length > 0) return given;
  return [
    { type: 'header', name: 'authorization', prefix: 'Bearer ' },
    { type: 'param', name: 'access_token' },
  ];
}

function keysOf(world: World, rule: JwtRule): JwtKeys {
  const remote = remoteSourceOf(rule);
  if (remote === undefined)
    return rule.jwks === undefined ? withoutKeys(world, rule) : readInline(world, rule.jwks, rule);
  const fetched = world.jwks?.[remote.url];
  const { url } = remote;
  if (fetched === undefined) return { available: false, reason: `${url} has not been fetched yet`, remote: url };
  const set = 'error' in fetched ? fetched : parseKeySet(fetched.text);
  if (!('error' in set)) return { ...usable(world, rule, set), remote: url };
  const reason = `the keys of ${url} cannot be had: ${set.error}`;
  world.report(
    diagnose(codes.jwksUnavailable, {
      origin: rule.jwksUri?.origin ?? rule.origin,
      message: `${reason}; until then each token of ${issuerText(rule)} is refused`,
      remedy: 'Let the key set be reachable from here; it is asked for again and again.',
    }),
  );
  return { available: false, reason, remote: url };
}

function issuerText({ issuer }: JwtRule): string {
  return issuer === '' ? 'any issuer' : `issuer "${issuer}"`;
}

function withoutKeys(world: World, { origin, issuer }: JwtRule): JwtKeys {
  world.report(
    diagnose(codes.jwksInvalid, {
      origin,
      message: `there is neither jwks nor jwksUri, and issuer "${issuer}" is no URL whose keys could be discovered; each token of it is refused`,
      remedy: 'Add jwks or jwksUri.',
    }),
  );
  return { available: true, jwks: [] };
}

function readInline(world: World, jwks: NonNullable<JwtRule['jwks']>, rule: JwtRule): JwtKeys {
  const set = parseKeySet(jwks.value);
  if (!('error' in set)) return usable(world, rule, set);
  world.report(
    diagnose(codes.jwksInvalid, {
      origin: jwks.origin,
      message: `jwks cannot be read: ${set.error}; each token of ${issuerText(rule)} is refused`,
      remedy: 'Write a JSON Web Key Set: {"keys": [...]}.',
    }),
  );
  return { available: true, jwks: [] };
}

function usable(world: World, rule: JwtRule, { keys, leftOut }: KeySet): JwtKeys {
  if (leftOut.length > 0 || keys.length === 0) {
    world.report(
      diagnose(codes.jwksInvalid, {
        origin: (rule.jwks ?? rule.jwksUri)?.origin ?? rule.origin,
        message:
          keys.length === 0
            ? `no key can be used, so that each token of ${issuerText(rule)} is refused${leftOut.length === 0 ? '' : `: ${leftOut.join('; ')}`}`
            : `of the keys of ${issuerText(rule)} some are not used: ${leftOut.join('; ')}`,
        remedy: 'Use public keys of type RSA, EC or OKP (Ed25519).',
      }),
    );
  }
  return { available: true, jwks: keys };
}
