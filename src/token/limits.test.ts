/** Bounds on tokens that `authenticator.test.ts` does not show: at them, and one past them. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { jwtRule, requestAuthentication, testIssuer, type TestIssuer } from '../../test/kit/tokens.ts';
import type { PublicJwk } from '../plan/index.ts';
import { Authenticator, overloaded } from './authenticator.ts';
import { claimHeaderValue } from './claim-header.ts';
import { maxClaimHeaderBytes, maxKeysTried, maxRememberedTokenLength } from './limits.ts';

const nowMs = 1_800_000_000_000;
let issuer: TestIssuer;

before(async () => {
  issuer = await testIssuer('https://issuer.example.com');
});

function checked(authenticator: Authenticator, token: string): ReturnType<Authenticator['check']> {
  const [rule] = authenticator.rules;
  const [place] = authenticator.places;
  assert.ok(rule && place);
  return authenticator.check(authenticator.token(token, place), rule, nowMs);
}

async function check(authenticator: Authenticator, token: string): Promise<string> {
  const verdict = await checked(authenticator, token);
  assert.ok(verdict !== overloaded);
  return 'status' in verdict ? verdict.status : 'ok';
}

test('maxKeysTried: the last of so many keys counts, one behind them does not', async () => {
  const { kid: _, ...right } = issuer.jwk;
  const others: PublicJwk[] = [];
  for (let index = 0; index < maxKeysTried; index += 1) {
    const { kid: _other, ...jwk } = (await testIssuer(issuer.issuer)).jwk;
    others.push(jwk);
  }
  const token = await issuer.sign({ exp: nowMs / 1000 + 60 });
  const withWrong = (count: number): Authenticator => {
    const keys = { available: true, jwks: [...others.slice(0, count), right] } as const;
    return new Authenticator([requestAuthentication('gateway/gateway/public', [jwtRule(issuer, { keys })])]);
  };
  assert.equal(await check(withWrong(maxKeysTried - 1), token), 'ok');
  assert.equal(await check(withWrong(maxKeysTried), token), 'jwt_verification_fails');
});

test('maxRememberedTokenLength', async () => {
  const authenticator = new Authenticator([requestAuthentication('gateway/gateway/public', [jwtRule(issuer)])]);
  const good = await issuer.sign({ exp: nowMs / 1000 + 60 });
  /** A token of that very length; its signature is wrong, which is as much a verdict as any. */
  const sized = (length: number): string => {
    const [head, payload] = good.split('.') as [string, string];
    // No length of base64url text is 1 more than a multiple of 4, so the payload takes what the signature cannot.
    for (let pad = 0; ; pad += 1) {
      const claims = { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), pad: 'x'.repeat(pad) };
      const start = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
      if ((length - start.length) % 4 === 0) return start + 'A'.repeat(length - start.length);
    }
  };
  for (const [length, isRemembered] of [
    [maxRememberedTokenLength, true],
    [maxRememberedTokenLength + 1, false],
  ] as const) {
    const token = sized(length);
    assert.equal(token.length, length);
    assert.equal(await check(authenticator, token), 'jwt_verification_fails');
    assert.equal(checked(authenticator, token) instanceof Promise, !isRemembered, `${length}`);
  }
});

test('maxClaimHeaderBytes, in UTF-8', () => {
  assert.equal(claimHeaderValue({ a: 'x'.repeat(maxClaimHeaderBytes) }, 'a')?.length, maxClaimHeaderBytes);
  assert.equal(claimHeaderValue({ a: 'x'.repeat(maxClaimHeaderBytes + 1) }, 'a'), undefined);
  assert.equal(claimHeaderValue({ a: 'ä'.repeat(maxClaimHeaderBytes / 2) }, 'a')?.length, maxClaimHeaderBytes);
  assert.equal(claimHeaderValue({ a: `x${'ä'.repeat(maxClaimHeaderBytes / 2)}` }, 'a'), undefined);
});
