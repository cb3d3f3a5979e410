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
  /** Paths in the container of the proxy, where there is no `credentialName`; the first two come together. */
  readonly clientCertificateFile?: Located<string>;
  readonly privateKeyFile?: Located<string>;
  readonly caFile?: Located<string>;
  readonly sni?: string;
  /** Empty: the server name must be in the certificate. */
  readonly subjectAltNames: readonly string[];
  readonly insecureSkipVerify: boolean;
  /** Not empty: calls must fail rather than be carried with less than these fields ask for. */
  readonly unsupported: readonly Unsupported[];
}

const notServed = 'calls to this host fail';

export const clientTls = z.strictObject({
  mode: z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']).default('DISABLE'),
  clientCertificate: z.string().default(''),
  privateKey: z.string().default(''),
  caCertificates: z.string().default(''),
  caCrl: refused(`certificates that were called back are not known here: ${notServed}`),
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
  checkFiles(value, path, context);
  return {
    mode: { value: mode, origin: context.at([...path, 'mode']) },
    ...(credentialName === undefined || credentialName === ''
      ? {}
      : { credentialName: { value: credentialName, origin: context.at([...path, 'credentialName']) } }),
    ...filesOf(value, path, context),
    ...present({ sni: sni === '' ? undefined : sni?.toLowerCase() }),
    subjectAltNames,
    insecureSkipVerify,
    unsupported,
  };
}

const fileFields = ['clientCertificate', 'privateKey', 'caCertificates'] as const;

/** As Istio's validation (ValidateTLS). */
function checkFiles(value: z.output<typeof clientTls>, path: Path, context: DecodeContext): void {
  const { mode, credentialName = '' } = value;
  const [file] = fileFields.filter((field) => value[field] !== '');
  if (file !== undefined && mode !== 'DISABLE' && (mode === 'ISTIO_MUTUAL' || credentialName !== '')) {
    context.error([...path, file], {
      message:
        mode === 'ISTIO_MUTUAL'
          ? `tls.${file} is not for ISTIO_MUTUAL, which uses the certificates of the mesh`
          : `tls.${file} and credentialName exclude each other`,
      remedy: `Take ${file} away.`,
    });
  }
  if (mode !== 'MUTUAL' || credentialName !== '') return;
  if (value.clientCertificate !== '' && value.privateKey !== '') return;
  context.error([...path, 'mode'], {
    message: `tls.mode MUTUAL has no ${value.clientCertificate === '' ? 'client certificate' : 'private key'}`,
    remedy: 'Add credentialName with a Secret that holds tls.crt, tls.key and ca.crt.',
  });
}

/** A client certificate is for MUTUAL alone, as in Istio. */
function filesOf(
  value: z.output<typeof clientTls>,
  path: Path,
  context: DecodeContext,
): Pick<ClientTls, 'clientCertificateFile' | 'privateKeyFile' | 'caFile'> {
  const file = (field: (typeof fileFields)[number]): Located<string> | undefined =>
    value[field] === '' ? undefined : { value: value[field], origin: context.at([...path, field]) };
  const isMutual = value.mode === 'MUTUAL';
  return present({
    clientCertificateFile: isMutual ? file('clientCertificate') : undefined,
    privateKeyFile: isMutual ? file('privateKey') : undefined,
    caFile: file('caCertificates'),
  });
}
