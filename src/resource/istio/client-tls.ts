import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present } from '../fields.ts';
import { refused } from '../schema.ts';
import type { Located, Unsupported } from '../object.ts';

/** `ClientTLSSettings`: how a proxy does TLS towards a host. */
export interface ClientTls {
  readonly mode: Located<'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL'>;
  /** A Secret in the namespace of the proxy. */
  readonly credentialName?: Located<string>;
  readonly sni?: string;
  /** Empty: the server name must be in the certificate. */
  readonly subjectAltNames: readonly string[];
  readonly insecureSkipVerify: boolean;
  /** Not empty: calls must fail rather than be carried with less than these fields ask for. */
  readonly unsupported: readonly Unsupported[];
}

const notServed = 'calls to this host fail';
const noFile = `a file of a proxy's container is not to be had here, use credentialName: ${notServed}`;

export const clientTls = z.strictObject({
  mode: z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']).default('DISABLE'),
  clientCertificate: refused(noFile),
  privateKey: refused(noFile),
  caCertificates: refused(noFile),
  caCrl: refused(noFile),
  credentialName: z.string().optional(),
  subjectAltNames: z.array(z.string().min(1)).default([]),
  sni: z.string().optional(),
  insecureSkipVerify: z.boolean().default(false),
});

export function decodeClientTls(value: z.output<typeof clientTls>, path: Path, context: DecodeContext): ClientTls {
  const { mode, credentialName, sni, subjectAltNames, insecureSkipVerify } = value;
  const unsupported = context.refusedBelow(path);
  if (mode === 'ISTIO_MUTUAL' && (credentialName ?? '') !== '') {
    context.error([...path, 'credentialName'], {
      message: 'tls.credentialName is not for ISTIO_MUTUAL, which uses the certificates of the mesh',
      remedy: 'Take it away, or use SIMPLE or MUTUAL.',
    });
  }
  if (mode === 'MUTUAL' && (credentialName ?? '') === '' && unsupported.length === 0) {
    context.error([...path, 'mode'], {
      message: 'tls.mode MUTUAL has no client certificate',
      remedy: 'Add credentialName with a Secret that holds tls.crt, tls.key and ca.crt.',
    });
  }
  return {
    mode: { value: mode, origin: context.at([...path, 'mode']) },
    ...(credentialName === undefined || credentialName === ''
      ? {}
      : { credentialName: { value: credentialName, origin: context.at([...path, 'credentialName']) } }),
    ...present({ sni: sni === '' ? undefined : sni?.toLowerCase() }),
    subjectAltNames,
    insecureSkipVerify,
    unsupported,
  };
}
