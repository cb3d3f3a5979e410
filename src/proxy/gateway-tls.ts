import { createHash, X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { Secret, type Clock } from '../base/index.ts';
import { selectListenerForSni, type CompiledPort } from '../decide/index.ts';
import { checkNames, checkPins, verifyClient } from '../identity/index.ts';
import type { ClientValidation, Mesh, Plan, PlanSecrets } from '../plan/index.ts';
import { createTlsIdentity, type PeerVerdict, type TlsServerContext } from '../transport/index.ts';

/** A context holds about 50 KiB; when certificates were renewed this often, those of old plans go with the rest. */
const maxCachedCertificates = 1_024;

/** Ready certificates by chain and key, so that a changed plan costs nothing for those that stayed. */
export type CertificateCache = Map<string, SecureContext>;

interface ListenerIdentity {
  readonly certificate: X509Certificate;
  readonly context: SecureContext;
}

/** Certificates of one HTTPS port by listener id. A listener whose certificates are unusable refuses its handshakes, the others work. */
export function createGatewayTls(options: {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  readonly port: CompiledPort;
  readonly cache: CertificateCache;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}): TlsServerContext {
  const { plan, secrets, port, cache, clock, log } = options;
  const identities = new Map<string, ListenerIdentity[]>();
  for (const { listener } of port.listeners) {
    const usable: ListenerIdentity[] = [];
    identities.set(listener.id, usable);
    for (const id of listener.certificates) {
      const chainPem = plan.certificates[id]?.chainPem;
      const key = secrets.get(id);
      if (chainPem === undefined || key === undefined) continue;
      try {
        const context = contextFor(cache, chainPem, new Secret(key.reveal()));
        usable.push({ certificate: new X509Certificate(chainPem), context });
      } catch (error) {
        // The text is OpenSSL's about the certificate; it never holds key material.
        log(`listener ${listener.id}: certificate ${id} is unusable: ${error instanceof Error ? error.message : ''}`);
      }
    }
  }
  const validates = port.listeners.some(({ listener }) => listener.clientValidation !== undefined);
  return {
    selectIdentity: (sni) => bestFor(identities.get(selectListenerForSni(port, sni)?.listener.id ?? '') ?? [], sni),
    verifyPeer: validates ? (chain, sni) => verifyClientOf(port, { chain, sni, mesh: plan.mesh, clock }) : undefined,
    ...(port.listeners.some(({ listener }) => listener.wantsTls13 === true)
      ? { wantsTls13: (sni: string) => selectListenerForSni(port, sni)?.listener.wantsTls13 === true }
      : {}),
  };
}

/** The certificate whose name for the server name is the longest, so an exact name before a wildcard; else the first. */
function bestFor(identities: readonly ListenerIdentity[], sni: string): SecureContext | undefined {
  if (identities.length < 2 || sni === '') return identities[0]?.context;
  // The `*` is not counted, which in `*.example.com` may be as long as what it stands for.
  const lengthOf = ({ certificate }: ListenerIdentity): number =>
    certificate.checkHost(sni)?.replace('*', '').length ?? 0;
  return identities.reduce((best, next) => (lengthOf(next) > lengthOf(best) ? next : best)).context;
}

/** Decided by the listener of the server name; another listener's host on such a connection is misdirected (421). */
function verifyClientOf(
  port: CompiledPort,
  facts: { readonly chain: readonly Buffer[]; readonly sni: string; readonly mesh: Mesh; readonly clock: Clock },
): PeerVerdict {
  const validation = selectListenerForSni(port, facts.sni)?.listener.clientValidation;
  if (validation === undefined) return anonymous;
  if (facts.chain.length === 0 && validation.mode !== 'required') return anonymous;
  return judge(validation, facts);
}

const anonymous: PeerVerdict = { principal: '', isAnonymous: true };

function judge(
  validation: ClientValidation,
  { chain, mesh, clock }: { readonly chain: readonly Buffer[]; readonly mesh: Mesh; readonly clock: Clock },
): PeerVerdict {
  const { caPem, mode } = validation;
  const verdict = verifyClient(chain, { caPem, nowMs: clock.wallMs() });
  if (verdict.error !== undefined) return mode === 'insecure-fallback' ? anonymous : { error: verdict.error };
  const { error } = checkLeaf(chain[0], validation);
  if (error !== undefined) return { error };
  return { principal: isOfMesh(verdict.spiffeId, mesh) ? verdict.spiffeId : '' };
}

function checkLeaf(leaf: Buffer | undefined, { names, pins }: ClientValidation): { readonly error?: string } {
  if (leaf === undefined) return {};
  const ofNames =
    names === undefined
      ? {}
      : checkNames(
          leaf,
          names.map((value) => ({ type: 'any', value })),
        );
  if (ofNames.error !== undefined || pins === undefined) return ofNames;
  return checkPins(leaf, pins);
}

/** An operator's authority vouches for names, but policies speak of the mesh's own: others are no principal. */
function isOfMesh(spiffeId: string, { trustDomain, trustDomainAliases }: Mesh): boolean {
  return [trustDomain, ...trustDomainAliases].some((domain) => spiffeId.startsWith(`spiffe://${domain}/`));
}

function contextFor(cache: CertificateCache, certificatePem: string, privateKeyPem: Secret): SecureContext {
  const cacheKey = createHash('sha256').update(certificatePem).update(privateKeyPem.reveal()).digest('base64');
  let context = cache.get(cacheKey);
  if (context === undefined) {
    context = createTlsIdentity({ certificatePem, privateKeyPem, minVersion: 'TLSv1.2' });
    if (cache.size >= maxCachedCertificates) cache.clear();
    cache.set(cacheKey, context);
  }
  return context;
}
