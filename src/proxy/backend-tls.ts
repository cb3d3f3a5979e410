import type { SecureContext } from 'node:tls';
import { checkNames } from '../identity/index.ts';
import type { OriginatedTls, Plan, PlanSecrets } from '../plan/index.ts';
import { createBackendTlsIdentity, type TlsClientContext } from '../transport/index.ts';

/** What the ids in an `OriginatedTls` lead to. */
interface Material {
  readonly certificates: Plan['certificates'];
  readonly secrets: PlanSecrets;
}

/**
 * Whether what TLS towards a backend goes by reads otherwise than before: authorities or the own certificate under the same
 * ids. A connection judged by the old ones must take no more requests. Undefined where none can have changed.
 */
export function renewedTls(before: Material, now: Material): ((security: OriginatedTls) => boolean) | undefined {
  if (before.certificates === now.certificates && before.secrets === now.secrets) return undefined;
  const isOther = (id: string): boolean =>
    before.certificates[id]?.chainPem !== now.certificates[id]?.chainPem ||
    before.secrets.get(id)?.reveal() !== now.secrets.get(id)?.reveal();
  return ({ authorities, clientCertificate }) =>
    (authorities !== undefined && isOther(authorities)) ||
    (clientCertificate !== undefined && isOther(clientCertificate));
}

export interface BackendTlsSource {
  readonly plan: () => Plan | undefined;
  readonly secrets: () => PlanSecrets;
}

/** TLS that ends at a backend outside the mesh: who it must be, and what this side presents. */
export class BackendTls {
  readonly #source: BackendTlsSource;
  /** By the ids of authorities and certificate; made anew when what these name changes. */
  readonly #made = new Map<string, { readonly texts: string; readonly identity: SecureContext }>();

  constructor(source: BackendTlsSource) {
    this.#source = source;
  }

  /**
   * For one connection. `host` is what the requests on it call, without port; it is the server name where the policy has
   * none. Without either, and where something is missing, there is no connection rather than an unverified one.
   */
  client(security: OriginatedTls, host: string): TlsClientContext | { readonly error: string } {
    const name = security.sni === '' ? host : security.sni;
    const { subjectAltNames, insecureSkipVerify } = security;
    const isUnverified = insecureSkipVerify === true;
    if (name === '' && subjectAltNames.length === 0 && !isUnverified) {
      return { error: 'no server name to verify the backend by; write tls.sni' };
    }
    const identity = this.#identity(security);
    if (typeof identity === 'string') return { error: identity };
    const wanted = subjectAltNames.length > 0 ? subjectAltNames : [{ type: 'dns' as const, value: name }];
    return {
      // RFC 6066 §3: no addresses.
      sni: isAddress(name) ? '' : name,
      identity,
      chainMustLeadToAuthority: !isUnverified,
      verifyPeer: ([leaf]) => {
        if (isUnverified) return { principal: '' };
        if (leaf === undefined) return { error: 'the backend has no certificate' };
        const { error } = checkNames(leaf, wanted);
        return error === undefined ? { principal: '' } : { error };
      },
    };
  }

  #identity({ authorities = '', clientCertificate = '' }: OriginatedTls): SecureContext | string {
    const certificates = this.#source.plan()?.certificates ?? {};
    const authoritiesPem = certificates[authorities]?.chainPem;
    if (authorities !== '' && authoritiesPem === undefined) return `the plan has no ${authorities}`;
    const certificatePem = certificates[clientCertificate]?.chainPem;
    const key = this.#source.secrets().get(clientCertificate);
    if (clientCertificate !== '' && (certificatePem === undefined || key === undefined)) {
      return `the plan has no ${clientCertificate}`;
    }
    const id = `${authorities} ${clientCertificate}`;
    const texts = JSON.stringify([authoritiesPem, certificatePem, key?.reveal()]);
    const made = this.#made.get(id);
    if (made?.texts === texts) return made.identity;
    try {
      const identity = createBackendTlsIdentity({
        ...(authoritiesPem === undefined ? {} : { authoritiesPem }),
        ...(certificatePem === undefined || key === undefined ? {} : { certificatePem, privateKeyPem: key }),
      });
      this.#made.set(id, { texts, identity });
      return identity;
    } catch (error) {
      return `certificate or authorities cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}
