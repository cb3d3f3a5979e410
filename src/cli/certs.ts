import { stringify } from 'yaml';
import { systemClock } from '../base/index.ts';
import { makeListenerCertificate } from '../identity/index.ts';
import { exitCode } from './exit-codes.ts';

interface SelfSignedOptions {
  readonly secret: string;
  readonly host: readonly string[];
}

/** `sallyport certs self-signed`: a Secret for an HTTPS listener on standard output; the key is made here and kept nowhere else. */
export async function certsSelfSignedVerb(parsed: unknown): Promise<number> {
  const { secret, host } = parsed as SelfSignedOptions;
  const slash = secret.indexOf('/');
  const made = await makeListenerSecret({
    namespace: slash < 0 ? 'default' : secret.slice(0, slash),
    name: secret.slice(slash + 1),
    hostnames: host,
  });
  if (made.error !== undefined) {
    process.stderr.write(`${made.error}\n`);
    return exitCode.usage;
  }
  process.stdout.write(made.yaml);
  return exitCode.ok;
}

type SecretResult = { readonly yaml: string; readonly error?: undefined } | { readonly error: string };

/** YAML of a `kubernetes.io/tls` Secret with a new key and a self-signed certificate. */
export async function makeListenerSecret({
  namespace,
  name,
  hostnames,
}: {
  readonly namespace: string;
  readonly name: string;
  readonly hostnames: readonly string[];
}): Promise<SecretResult> {
  const { listener, error } = await makeListenerCertificate(hostnames, { nowMs: systemClock.wallMs() });
  if (listener === undefined) return { error };
  return {
    yaml: stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': listener.certificatePem, 'tls.key': listener.keyPem.reveal() },
    }),
  };
}
