/** Name constraints (RFC 5280 §4.2.1.10): enforced for URIs, refused for the other forms when they would apply. */
import type { ParsedCertificate } from './certificate.ts';
import { nameForm, type GeneralName } from './extensions.ts';
import { safeText } from './safe-text.ts';

/** Why the constraints of `issuer` forbid a certificate below it, or `undefined`. */
export function nameConstraintError(issuer: ParsedCertificate, path: readonly ParsedCertificate[]): string | undefined {
  const constraints = issuer.extensions.nameConstraints;
  if (constraints === undefined) return undefined;
  const constrainedForms = new Set([...constraints.permitted, ...constraints.excluded].map((name) => name.form));
  for (const certificate of path) {
    if (constrainedForms.has(nameForm.directory) && !certificate.subjectIsEmpty)
      return unsupportedForm(nameForm.directory);
    for (const name of certificate.extensions.subjectAltName?.names ?? []) {
      if (!constrainedForms.has(name.form)) continue;
      // RFC 5280: what is constrained but cannot be processed must be refused.
      if (name.form !== nameForm.uri) return unsupportedForm(name.form);
      const host = uriHost(name.value);
      if (host === '' || !isPermitted(host, constraints.permitted) || isInSubtrees(host, constraints.excluded)) {
        return `does not allow the name ${safeText(host)} (name constraints)`;
      }
    }
  }
  return undefined;
}

function unsupportedForm(form: number): string {
  return `constrains names of form ${form}, which is not supported`;
}

function isPermitted(host: string, permitted: readonly GeneralName[]): boolean {
  return !permitted.some((name) => name.form === nameForm.uri) || isInSubtrees(host, permitted);
}

/** A constraint that begins with a dot holds for every host below it, any other for exactly that host. */
function isInSubtrees(host: string, subtrees: readonly GeneralName[]): boolean {
  return subtrees.some((subtree) => {
    if (subtree.form !== nameForm.uri) return false;
    const wanted = subtree.value.toString('latin1').toLowerCase();
    return wanted.startsWith('.') ? host.endsWith(wanted) && host.length > wanted.length : host === wanted;
  });
}

/** The host of `scheme://host/…`; a URI without one gives the empty text, which RFC 5280 has us refuse where URIs are constrained. */
function uriHost(value: Buffer): string {
  const match = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/([^/?#]*)/.exec(value.toString('latin1'));
  return (match?.[1] ?? '').toLowerCase();
}
