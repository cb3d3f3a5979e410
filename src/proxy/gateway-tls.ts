import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { Secret } from '../base/index.ts';
import { selectListenerForSni, type CompiledPort } from '../decide/index.ts';
import type { Plan, PlanSecrets } from '../plan/index.ts';
import { createTlsIdentity, type TlsServerContext } from '../transport/index.ts';

/** A context holds about 50 KiB; when certificates were renewed this often, those of old plans go with the rest. */
const maxCachedCertificates = 1_024;

/** Ready certificates by chain and key, so that a changed plan costs nothing for those that stayed. */
export type CertificateCache = Map<string, SecureContext>;

/** Certificates of one HTTPS port by listener id. A listener whose certificate is unusable refuses its handshakes, the others work. */
export function createGatewayTls(options: {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  readonly port: CompiledPort;
  readonly cache: CertificateCache;
  readonly log: (message: string) => void;
}): TlsServerContext {
  const { plan, secrets, port, cache, log } = options;
  const contexts = new Map<string, SecureContext>();
  for (const { listener } of port.listeners) {
    for (const id of listener.certificates) {
      const chainPem = plan.certificates[id]?.chainPem;
      const key = secrets.get(id);
      if (chainPem === undefined || key === undefined || contexts.has(listener.id)) continue;
      try {
        contexts.set(listener.id, contextFor(cache, chainPem, new Secret(key.reveal())));
      } catch (error) {
        // The text is OpenSSL's about the certificate; it never holds key material.
        log(`listener ${listener.id}: certificate ${id} is unusable: ${error instanceof Error ? error.message : ''}`);
      }
    }
  }
  return {
    selectIdentity: (sni) => contexts.get(selectListenerForSni(port, sni)?.listener.id ?? ''),
    verifyPeer: undefined,
  };
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
