/**
 * The certificate library, for those who issue. Loading it takes 80 ms and 25 MB, so it is only ever imported lazily:
 * a proxy process verifies peers and makes requests without it.
 */
// @peculiar/x509 throws at import unless this one is evaluated first.
import 'reflect-metadata';

export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
