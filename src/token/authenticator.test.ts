import assert from 'node:assert/strict';
import { generateKeyPairSync, createHmac } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { jwtRule, requestAuthentication, testIssuer, unsignedToken, type TestIssuer } from '../../test/kit/tokens.ts';
import type { JwtRule, PublicJwk } from '../plan/index.ts';
import { Authenticator, overloaded, type Verdict } from './authenticator.ts';
import { maxPendingVerifications, maxRememberedTokenLength, maxVerdicts } from './limits.ts';

const nowMs = 1_800_000_000_000;
const now = nowMs / 1000;
const issuerUrl = 'https://issuer.example.com';
let issuer: TestIssuer;

before(async () => {
  issuer = await testIssuer(issuerUrl);
});

function authenticatorOf(...rules: readonly JwtRule[]): Authenticator {
  return new Authenticator([requestAuthentication('gateway/gateway/public', rules)]);
}

/** What one rule says of a token in the first of its places. */
function checked(
  authenticator: Authenticator,
  text: string,
  { atMs = nowMs, at = 0 } = {},
): ReturnType<Authenticator['check']> {
  const rule = authenticator.rules[at];
  assert.ok(rule);
  const [place] = rule.places;
  assert.ok(place);
  return authenticator.check(authenticator.token(text, place), rule, atMs);
}

async function verdictOn(authenticator: Authenticator, token: string, at = 0): Promise<Verdict> {
  const verdict = await checked(authenticator, token, { at });
  assert.ok(verdict !== overloaded);
  return verdict;
}

/** `ok`, or the status of the refusal. */
async function outcome(authenticator: Authenticator, token: string, at = 0): Promise<string> {
  const verdict = await verdictOn(authenticator, token, at);
  return 'status' in verdict ? verdict.status : 'ok';
}

const good = { sub: 'alice', exp: now + 60 };

describe('signatures', () => {
  for (const alg of ['RS256', 'RS512', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
    test(`${alg}: a good one is good, a changed payload is not`, async () => {
      const signer = await testIssuer('https://issuer.example.com', { alg });
      const authenticator = authenticatorOf(jwtRule(signer));
      const token = await signer.sign(good);
      assert.equal(await outcome(authenticator, token), 'ok');
      const [header, , signature] = token.split('.');
      const payload = Buffer.from(JSON.stringify({ iss: signer.issuer, ...good, sub: 'root' })).toString('base64url');
      assert.equal(await outcome(authenticator, `${header}.${payload}.${signature}`), 'jwt_verification_fails');
    });
  }

  test('a key of the same kid and type that is not the issuer’s', async () => {
    const other = await testIssuer(issuer.issuer);
    assert.equal(await outcome(authenticatorOf(jwtRule(issuer)), await other.sign(good)), 'jwt_verification_fails');
  });

  test('without kid every key of the type is tried; with another kid none is', async () => {
    const second = await testIssuer(issuer.issuer, { kid: 'two' });
    const keys = { available: true, jwks: [issuer.jwk, second.jwk] } as const;
    const authenticator = authenticatorOf(jwtRule(issuer, { keys }));
    const { kid: _, ...jwk } = second.jwk;
    const nameless = authenticatorOf(jwtRule({ issuer: issuer.issuer, jwk }));
    assert.equal(await outcome(authenticator, await second.sign(good)), 'ok');
    assert.equal(await outcome(authenticator, await withoutKid(second)), 'ok');
    assert.equal(await outcome(nameless, await second.sign(good)), 'ok', 'a key without kid fits any');
    assert.equal(await outcome(authenticator, await second.sign(good, { kid: 'three' })), 'jwks_no_matching_key');
    assert.equal(await outcome(authenticator, await second.sign(good, { kid: '../one' })), 'jwks_no_matching_key');
  });

  test('a key that names its algorithm is used for no other', async () => {
    const signer = await testIssuer(issuer.issuer, { alg: 'RS256' });
    const authenticator = authenticatorOf(jwtRule({ ...signer, jwk: { ...signer.jwk, alg: 'RS512' } }));
    assert.equal(await outcome(authenticator, await signer.sign(good)), 'jwks_no_matching_key');
  });

  test('a key that is none, and an RSA key that is too short, verify nothing', async () => {
    const badPoint: PublicJwk = { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'one' };
    const bad = authenticatorOf(jwtRule({ issuer: issuer.issuer, jwk: badPoint }));
    assert.equal(await outcome(bad, await issuer.sign(good)), 'jwt_verification_fails');
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const signer = await testIssuer(issuer.issuer, { alg: 'RS256' });
    const weak = authenticatorOf(jwtRule({ issuer: issuer.issuer, jwk: { ...short, kty: 'RSA' } }));
    assert.equal(await outcome(weak, await signer.sign(good)), 'jwt_verification_fails');
  });
});

async function withoutKid(signer: TestIssuer): Promise<string> {
  return signer.sign(good, { kid: undefined } as object);
}

describe('attacks on the algorithm', () => {
  const claims = { iss: issuerUrl, ...good };

  test('none, in any spelling', async () => {
    for (const alg of ['none', 'None', 'NONE', '', 'RS', 'es256']) {
      const token = unsignedToken({ alg }, claims);
      assert.equal(await outcome(authenticatorOf(jwtRule(issuer)), token), 'jwt_header_alg_not_supported', alg);
    }
    const empty = unsignedToken({ alg: 'none' }, claims, '');
    assert.notEqual(await outcome(authenticatorOf(jwtRule(issuer)), empty), 'ok');
  });

  test('HS256 with the public key as the secret', async () => {
    const signer = await testIssuer(issuer.issuer, { alg: 'RS256' });
    const body = unsignedToken({ alg: 'HS256', kid: 'one' }, claims).split('.').slice(0, 2).join('.');
    for (const secret of [JSON.stringify(signer.jwk), String(signer.jwk.n), 'one']) {
      const signature = createHmac('sha256', secret).update(body).digest('base64url');
      const token = `${body}.${signature}`;
      assert.equal(await outcome(authenticatorOf(jwtRule(signer)), token), 'jwks_no_matching_key');
    }
  });

  test('headers that bring their own key or change how the token is read', async () => {
    const attacker = await testIssuer(issuer.issuer);
    const authenticator = authenticatorOf(jwtRule(issuer));
    const ownKey = await attacker.sign(good, { jwk: attacker.jwk });
    assert.equal(await outcome(authenticator, ownKey), 'jwt_verification_fails');
    const elsewhere = await attacker.sign(good, { jku: 'https://evil.example.com/keys' });
    assert.equal(await outcome(authenticator, elsewhere), 'jwt_verification_fails');
    const unencoded = unsignedToken({ alg: 'ES256', b64: false, crit: ['b64'] }, claims);
    assert.equal(await outcome(authenticator, unencoded), 'jwt_verification_fails');
  });
});

describe('claims', () => {
  test('a rule without issuer takes any whose token its keys signed', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer, { issuer: '' }));
    assert.equal(await outcome(authenticator, await issuer.sign({ ...good, iss: 'x' })), 'ok');
    assert.equal(await outcome(authenticator, await issuer.sign({ ...good, iss: undefined })), 'ok');
    const other = await testIssuer('x');
    assert.equal(await outcome(authenticator, await other.sign(good)), 'jwt_verification_fails');
  });

  test('issuer, audience, exp and nbf, with clockSkewSeconds', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer, { audiences: ['a', 'b'] }));
    const rows: readonly [Readonly<Record<string, unknown>>, string][] = [
      [{ aud: 'a' }, 'ok'],
      [{ aud: ['x', 'b'] }, 'ok'],
      // Scheme and final slash do not count (Envoy).
      [{ aud: 'https://a/' }, 'ok'],
      [{ aud: 'http://b' }, 'ok'],
      [{ aud: 'https://a//' }, 'jwt_audience_not_allowed'],
      [{ aud: ['x'] }, 'jwt_audience_not_allowed'],
      [{ aud: [] }, 'jwt_audience_not_allowed'],
      [{}, 'jwt_audience_not_allowed'],
      [{ aud: 'a', exp: now - 60 }, 'ok'],
      [{ aud: 'a', exp: now - 61 }, 'jwt_expired'],
      [{ aud: 'x', exp: now - 61 }, 'jwt_expired'],
      [{ aud: 'a', nbf: now + 60 }, 'ok'],
      [{ aud: 'a', nbf: now + 61 }, 'jwt_not_yet_valid'],
      [{ aud: 'a', iss: 'https://issuer.example.com/' }, 'jwt_unknown_issuer'],
      [{ aud: 'a', iss: undefined }, 'jwt_unknown_issuer'],
      [{ aud: 'a', exp: undefined }, 'ok'],
      [{ aud: 'a', exp: '1' }, 'jwt_payload_bad_exp'],
      [{ aud: 'a', exp: -1 }, 'jwt_payload_bad_exp'],
      [{ aud: 'a', nbf: null }, 'jwt_payload_bad_nbf'],
      [{ aud: 'a', iat: 'x' }, 'jwt_payload_bad_iat'],
      [{ aud: 'a', iss: 1 }, 'jwt_payload_bad_iss'],
      [{ aud: 'a', sub: {} }, 'jwt_payload_bad_sub'],
      [{ aud: 'a', jti: 7 }, 'jwt_payload_bad_jti'],
      [{ aud: { a: 1 } }, 'jwt_payload_bad_aud'],
      [{ aud: [1] }, 'jwt_payload_bad_aud'],
    ];
    for (const [claims, expected] of rows) {
      assert.equal(
        await outcome(authenticator, await issuer.sign({ ...good, ...claims })),
        expected,
        JSON.stringify(claims),
      );
    }
  });

  test('what is no token at all', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer));
    const json = (text: string): string => Buffer.from(text).toString('base64url');
    const head = json('{"alg":"ES256"}');
    const rows: readonly [string, string][] = [
      ['', 'jwt_bad_format'],
      ['abc', 'jwt_bad_format'],
      ['a.b', 'jwt_bad_format'],
      ['a.b.c.d', 'jwt_bad_format'],
      ['..', 'jwt_bad_format'],
      [`${head}..x`, 'jwt_bad_format'],
      [`%%%%.${head}.x`, 'jwt_header_bad_base64'],
      [`a.${head}.x`, 'jwt_header_bad_base64'],
      [`${json('no')}.${head}.xx`, 'jwt_header_bad_json'],
      [`${json('[]')}.${head}.xx`, 'jwt_header_bad_json'],
      [`${json('{}')}.${head}.xx`, 'jwt_header_bad_alg'],
      [`${json('{"alg":1}')}.${head}.xx`, 'jwt_header_bad_alg'],
      [`${json('{"alg":"ES256","kid":1}')}.${head}.xx`, 'jwt_header_bad_kid'],
      [`${head}.=.xx`, 'jwt_payload_bad_base64'],
      [`${head}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.xx`, 'jwt_payload_bad_json'],
      [`${head}.${json('{"iss":"a"}')}.`, 'jwt_signature_bad_base64'],
      [`${head}.${json('{"iss":"a"}')}.+/+/`, 'jwt_signature_bad_base64'],
    ];
    for (const [token, expected] of rows) assert.equal(await outcome(authenticator, token), expected, token);
  });

  test('names that objects have by nature are claims only when written', async () => {
    const token = await issuer.sign({ ...good, constructor: 'x' });
    const verdict = await verdictOn(authenticatorOf(jwtRule(issuer)), token);
    assert.ok(!('status' in verdict));
    assert.equal(Object.hasOwn(verdict.facts.claims, 'constructor'), true);
    assert.equal(Object.hasOwn(verdict.facts.claims, 'toString'), false);
  });
});

describe('several rules', () => {
  test('are asked in the order of their issuers, each with its own keys and audiences', async () => {
    const other = await testIssuer('https://a.example.com');
    const second = await testIssuer(issuer.issuer, { kid: 'two' });
    const authenticator = authenticatorOf(
      jwtRule(issuer, { audiences: ['a'] }),
      jwtRule(second, { audiences: ['b'] }),
      jwtRule(other),
    );
    const outcomes = (token: string): Promise<string[]> =>
      Promise.all(authenticator.rules.map((_, at) => outcome(authenticator, token, at)));
    assert.deepEqual(
      authenticator.rules.map(({ rule }) => rule.issuer),
      [other.issuer, issuer.issuer, issuer.issuer],
    );
    assert.deepEqual(await outcomes(await other.sign(good)), ['ok', 'jwt_unknown_issuer', 'jwt_unknown_issuer']);
    assert.deepEqual(await outcomes(await second.sign({ ...good, aud: 'b' })), [
      'jwt_unknown_issuer',
      'jwt_audience_not_allowed',
      'ok',
    ]);
    assert.deepEqual(await outcomes(await second.sign({ ...good, aud: 'a' })), [
      'jwt_unknown_issuer',
      'jwks_no_matching_key',
      'jwt_audience_not_allowed',
    ]);
  });

  test('a place that several share is one place, and a reason names all whose tokens are looked for there', async () => {
    const other = await testIssuer('https://a.example.com');
    const locations = [
      { type: 'cookie', name: 'b' },
      ...jwtRule(issuer).locations,
      { type: 'header', name: 'a', prefix: '' },
    ] as const;
    const authenticator = authenticatorOf(jwtRule(issuer, { locations }), jwtRule(other));
    assert.deepEqual(
      authenticator.places.map(({ location }) => `${location.type} ${location.name}`),
      ['header a', 'header authorization', 'param access_token', 'cookie b'],
    );
    const third = await testIssuer('https://c.example.com');
    const verdict = await verdictOn(authenticator, await third.sign(good));
    assert.ok('status' in verdict);
    const known = `"${other.issuer}", "${issuer.issuer}"`;
    assert.equal(verdict.reason, `the token is of issuer "https://c.example.com", known here: ${known}`);
  });

  test('keys that could not be fetched refuse, and say why', async () => {
    const remote = 'https://issuer/keys';
    const keys = { available: false, reason: `${remote} has not been fetched yet`, remote } as const;
    const verdict = await verdictOn(authenticatorOf(jwtRule(issuer, { keys })), await issuer.sign(good));
    assert.ok('status' in verdict);
    assert.equal(verdict.status, 'jwks_fetch_failed');
    assert.match(verdict.reason, /has not been fetched yet \(RequestAuthentication default\/users /);
  });
});

test('a key that is not there is told, with where the keys came from; a bad signature is not', async () => {
  const remote = 'https://issuer/keys';
  const told: string[] = [];
  const rules = [jwtRule(issuer, { keys: { available: true, jwks: [issuer.jwk], remote } })];
  const authenticator = new Authenticator([requestAuthentication('p', rules)], (url) => told.push(url));
  await outcome(authenticator, await issuer.sign(good));
  const other = await testIssuer(issuer.issuer);
  await outcome(authenticator, await other.sign(good));
  assert.deepEqual(told, []);
  await outcome(authenticator, await other.sign(good, { kid: 'new' }));
  assert.deepEqual(told, [remote]);
});

describe('what is remembered', () => {
  test('a second look is at once, until the token expires', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer));
    const token = await issuer.sign(good);
    const first = checked(authenticator, token);
    assert.ok(first instanceof Promise);
    assert.equal(checked(authenticator, token), first, 'one check for all who ask meanwhile');
    await first;
    assert.ok(!(checked(authenticator, token) instanceof Promise));
    const later = checked(authenticator, token, { atMs: nowMs + 121_000 });
    assert.ok(typeof later === 'object' && 'status' in later);
    assert.equal(later.status, 'jwt_expired');
  });

  test('a bad signature too, by the whole token', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer));
    const token = await issuer.sign(good);
    const forged = `${token.slice(0, -4)}AAAA`;
    assert.equal(await outcome(authenticator, forged), 'jwt_verification_fails');
    assert.ok(!(checked(authenticator, forged) instanceof Promise));
    assert.equal(await outcome(authenticator, token), 'ok');
  });

  test('maxVerdicts: a verdict on a long token is not kept, and of the others only so many', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer));
    const sized = async (length: number): Promise<string> => {
      const bare = (await issuer.sign({ ...good, pad: '' })).length;
      // Four characters of the token for three of the claim.
      return issuer.sign({ ...good, pad: 'x'.repeat(Math.ceil(((length - bare) * 3) / 4)) });
    };
    const [fits, long] = [await sized(maxRememberedTokenLength - 8), await sized(maxRememberedTokenLength + 8)];
    assert.ok(fits.length <= maxRememberedTokenLength && long.length > maxRememberedTokenLength);
    for (const token of [fits, long]) assert.equal(await outcome(authenticator, token), 'ok');
    assert.ok(!(checked(authenticator, fits) instanceof Promise));
    const again = checked(authenticator, long);
    assert.ok(again instanceof Promise);
    await again;
    for (let from = 0; from < maxVerdicts; from += maxPendingVerifications) {
      const others = Array.from({ length: maxPendingVerifications }, (_, id) =>
        unsignedToken({ alg: 'ES256' }, { iss: issuer.issuer, jti: `${from + id}` }),
      );
      await Promise.all(others.map((token) => outcome(authenticator, token)));
    }
    assert.ok(checked(authenticator, fits) instanceof Promise, 'forgotten');
  });

  test('maxPendingVerifications: checks under way are bounded', async () => {
    const authenticator = authenticatorOf(jwtRule(issuer));
    const forge = (id: number): string => unsignedToken({ alg: 'ES256' }, { iss: issuer.issuer, jti: `${id}` });
    const pending = Array.from({ length: maxPendingVerifications }, (_, id) => checked(authenticator, forge(id)));
    assert.ok(pending.every((one) => one instanceof Promise));
    assert.equal(checked(authenticator, forge(-1)), overloaded);
    await Promise.all(pending);
    assert.ok(checked(authenticator, forge(-1)) instanceof Promise);
    assert.ok(maxVerdicts >= maxPendingVerifications);
  });
});
