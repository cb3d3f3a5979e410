import type { PublicJwk } from '../plan/index.ts';
import { maxKeysTried } from './limits.ts';
import type { ParsedToken } from './parse.ts';

type Jose = typeof import('jose');
type ImportedKey = Awaited<ReturnType<Jose['importJWK']>>;

let loading: Promise<Jose> | undefined;

/** The library is loaded with the first keys: without any, it would be 7 MiB of a proxy's memory for nothing. */
function loadJose(): Promise<Jose> {
  loading ??= import('jose');
  return loading;
}

const curveOf: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** The public keys of one rule. Each is imported once per algorithm, when the first token asks for it. */
export class KeyRing {
  readonly #keys: readonly PublicJwk[];
  readonly #imported = new Map<string, Promise<ImportedKey | undefined>>();

  constructor(keys: readonly PublicJwk[]) {
    this.#keys = keys;
    // So that the first token does not wait for it. Who verifies hears of a failure.
    if (keys.length > 0) loadJose().catch(() => undefined);
  }

  /**
   * Keys that could have signed the token: of the type that its `alg` needs, of the same `kid` where both have one, of the
   * same `alg` where the key has one (as jwt_verify_lib). So a key is never used with an algorithm of another family.
   */
  candidates({ alg, kid }: Pick<ParsedToken, 'alg' | 'kid'>): readonly number[] {
    const fitting: number[] = [];
    for (const [index, key] of this.#keys.entries()) {
      const kidFits = kid === '' || key.kid === undefined || key.kid === kid;
      if (kidFits && (key.alg === undefined || key.alg === alg) && fitsType(key, alg)) fitting.push(index);
    }
    return fitting.slice(0, maxKeysTried);
  }

  /** Whether one of the keys made the token's signature. Never rejects. */
  async verify(token: string, alg: string, candidates: readonly number[]): Promise<boolean> {
    for (const index of candidates) {
      const key = await this.#key(index, alg);
      if (key !== undefined && (await isSignedBy(token, alg, key))) return true;
    }
    return false;
  }

  #key(index: number, alg: string): Promise<ImportedKey | undefined> {
    const id = `${index} ${alg}`;
    let key = this.#imported.get(id);
    if (key === undefined) {
      // A key that cannot be imported (a point off its curve, say) verifies nothing.
      key = loadJose()
        .then(({ importJWK }) => importJWK({ ...this.#keys[index] }, alg))
        .catch(() => undefined);
      this.#imported.set(id, key);
    }
    return key;
  }
}

function fitsType({ kty, crv }: PublicJwk, alg: string): boolean {
  if (alg.startsWith('RS') || alg.startsWith('PS')) return kty === 'RSA';
  if (alg.startsWith('ES')) return kty === 'EC' && crv === curveOf[alg];
  return alg === 'EdDSA' && kty === 'OKP' && crv === 'Ed25519';
}

async function isSignedBy(token: string, alg: string, key: ImportedKey): Promise<boolean> {
  try {
    const { compactVerify } = await loadJose();
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}
