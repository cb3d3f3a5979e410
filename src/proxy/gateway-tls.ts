import type { SecureContext } from 'node:tls';
import { Secret } from '../base/index.ts';
import { selectListenerForSni, type CompiledPort } from '../decide/index.ts';
import type { Plan, PlanSecrets } from '../plan/index.ts';
import { createTlsIdentity, type TlsServerContext } from '../transport/index.ts';

/** Certificates of one HTTPS port by listener id. A listener whose certificate is unusable refuses its handshakes, the others work. */
export function createGatewayTls(options: {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  readonly port: CompiledPort;
  readonly log: (message: string) => void;
}): TlsServerContext {
  const { plan, secrets, port, log } = options;
  const contexts = new Map<string, SecureContext>();
  for (const { listener } of port.listeners) {
    for (const id of listener.certificates) {
      const chainPem = plan.certificates[id]?.chainPem;
      const key = secrets.get(id);
      if (chainPem === undefined || key === undefined || contexts.has(listener.id)) continue;
      try {
        const privateKeyPem = new Secret(key.reveal());
        const context = createTlsIdentity({ certificatePem: chainPem, privateKeyPem, minVersion: 'TLSv1.2' });
        contexts.set(listener.id, context);
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
