/**
 * What a case cannot know when it is written: `$(host default/web)` and `$(port default/web)` are where the app of a workload
 * listens; `$(certificate NAME by AUTHORITY)`, `$(key NAME by AUTHORITY)` and `$(authority AUTHORITY)` are PEM, made when asked
 * for, with newlines written as `\n`, so that they belong between double quotes; `certificate64` and `key64` are their base64, `hash` and `keyhash` SHA-256 of the
 * certificate (hexadecimal) and of its public key (base64).
 */
import { createHash, X509Certificate } from 'node:crypto';
import { issueSvid, makeCa, type TestCa, type TestSvid } from '../kit/cert-kit.ts';
import type { Address } from './data-plane.ts';

/** Certificates of one case. Authorities are told apart by name, and so are the leaves of each. */
export class Certificates {
  readonly #authorities = new Map<string, TestCa>();
  readonly #leaves = new Map<string, TestSvid>();

  authority(name: string): TestCa {
    let authority = this.#authorities.get(name);
    if (authority === undefined) {
      authority = makeCa({ commonName: name });
      this.#authorities.set(name, authority);
    }
    return authority;
  }

  /** `NAME by AUTHORITY`; the name is a host, or a URI. */
  leaf(text: string): TestSvid {
    let leaf = this.#leaves.get(text);
    if (leaf === undefined) {
      const [, name = '', authority = ''] = /^(\S+) by (\S+)$/.exec(text) ?? [];
      if (name === '') throw new Error(`"${text}" is not "NAME by AUTHORITY"`);
      leaf = issueSvid(this.authority(authority), { names: [name.includes('://') ? { uri: name } : { dns: name }] });
      this.#leaves.set(text, leaf);
    }
    return leaf;
  }
}

export function fill(
  text: string,
  { apps, certificates }: { readonly apps: Readonly<Record<string, Address>>; readonly certificates: Certificates },
): string {
  const made = new Map<string, string>();
  return text.replaceAll(/\$\((\w+) ([^)]+)\)/g, (whole, kind: string, what: string) => {
    let value = made.get(whole);
    if (value === undefined) {
      value = valueOf(kind, what, { apps, certificates });
      made.set(whole, value);
    }
    return value;
  });
}

function valueOf(
  kind: string,
  what: string,
  { apps, certificates }: { readonly apps: Readonly<Record<string, Address>>; readonly certificates: Certificates },
): string {
  switch (kind) {
    case 'host':
    case 'port': {
      const app = apps[what];
      if (app === undefined) throw new Error(`there is no app ${what}`);
      return String(app[kind]);
    }
    case 'authority':
      return onOneLine(certificates.authority(what).pem);
    case 'certificate':
      return onOneLine(certificates.leaf(what).chainPem);
    case 'certificate64':
      return Buffer.from(certificates.leaf(what).chainPem).toString('base64');
    case 'key64':
      return Buffer.from(certificates.leaf(what).keyPem).toString('base64');
    case 'hash':
      return createHash('sha256').update(leafOf(certificates, what).raw).digest('hex');
    case 'keyhash':
      return createHash('sha256')
        .update(leafOf(certificates, what).publicKey.export({ type: 'spki', format: 'der' }))
        .digest('base64');
    case 'key':
      return onOneLine(certificates.leaf(what).keyPem);
    default:
      throw new Error(`nothing is known of $(${kind} …)`);
  }
}

function leafOf(certificates: Certificates, what: string): X509Certificate {
  return new X509Certificate(certificates.leaf(what).chainPem);
}

function onOneLine(pem: string): string {
  return pem.replaceAll('\n', '\\n');
}
