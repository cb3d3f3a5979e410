import type { SecureContext } from 'node:tls';
import type { Clock } from '../base/index.ts';
import { verifyPeer, type Svid, type SvidHolder } from '../identity/index.ts';
import type { Endpoint, Mesh } from '../plan/index.ts';
import {
  createTlsIdentity,
  type PeerVerdict,
  type TlsClientContext,
  type TlsServerContext,
} from '../transport/index.ts';

export interface MeshTlsOptions {
  readonly identity: SvidHolder;
  readonly clock: Clock;
  /** The mesh of the plan in force. */
  readonly mesh: () => Mesh | undefined;
}

type MtlsSecurity = Extract<Endpoint['security'], { mode: 'mtls' }>;

/** Mutual TLS with this proxy's own SVID, both directions; always the newest SVID and bundle. */
export class MeshTls {
  readonly #options: MeshTlsOptions;
  #made: { readonly svid: Svid; readonly context: SecureContext } | undefined;

  constructor(options: MeshTlsOptions) {
    this.#options = options;
  }

  /** `spiffe://…` of this proxy; empty until it has an SVID. */
  get spiffeId(): string {
    return this.#options.identity.current()?.spiffeId ?? '';
  }

  /** For inbound ports: any identity of the mesh is accepted; who may do what is AuthorizationPolicy's business. */
  readonly server: TlsServerContext = {
    selectIdentity: () => this.#context(),
    verifyPeer: (chain) => this.#verify(chain, 'client', undefined),
  };

  /** For one endpoint: the peer must be one of the identities behind the service. */
  client(security: MtlsSecurity): TlsClientContext | { readonly error: string } {
    const identity = this.#context();
    if (identity === undefined) return { error: 'this proxy has no certificate yet' };
    return {
      sni: security.sni,
      identity,
      verifyPeer: (chain) => this.#verify(chain, 'server', security.spiffeIds),
    };
  }

  #context(): SecureContext | undefined {
    const svid = this.#options.identity.current();
    if (svid === undefined) return undefined;
    if (this.#made?.svid !== svid) {
      const context = createTlsIdentity({
        certificatePem: svid.chainPem,
        privateKeyPem: svid.keyPem,
        minVersion: 'TLSv1.3',
      });
      this.#made = { svid, context };
    }
    return this.#made.context;
  }

  #verify(chain: readonly Buffer[], role: 'client' | 'server', allowed: readonly string[] | undefined): PeerVerdict {
    const svid = this.#options.identity.current();
    const mesh = this.#options.mesh();
    if (svid === undefined || mesh === undefined) return { error: 'this proxy has no trust bundle yet' };
    const verdict = verifyPeer(chain, {
      role,
      trustDomain: mesh.trustDomain,
      aliases: mesh.trustDomainAliases,
      bundlePem: svid.bundlePem,
      nowMs: this.#options.clock.wallMs(),
      ...(allowed === undefined ? {} : { allowed }),
    });
    return verdict.error === undefined ? { principal: verdict.spiffeId } : { error: verdict.error };
  }
}
