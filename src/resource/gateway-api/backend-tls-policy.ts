import { z } from 'zod';
import type { DecodeContext } from '../context.ts';
import { apiGroup, hostname, kindName, objectName, present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, ResourceObject } from '../object.ts';

/** How gateways do TLS towards a Service (GEP-1897). */
export interface BackendTlsPolicy extends ResourceObject {
  readonly spec: {
    readonly targetRefs: readonly BackendTlsTarget[];
    readonly validation: {
      /** Server name to send; without `subjectAltNames` the certificate must be for it. */
      readonly hostname: string;
      /** One of these must be in the certificate. */
      readonly subjectAltNames: readonly { readonly type: 'Hostname' | 'URI'; readonly value: string }[];
      /** In the policy's own namespace; empty when `wellKnown` is there. */
      readonly caCertificateRefs: readonly CaReference[];
      /** `System`, or an implementation's own name. */
      readonly wellKnown?: Located<string>;
    };
  };
}

/** In the policy's own namespace. */
export interface BackendTlsTarget {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Name of a port; absent: all that have no policy of their own. */
  readonly sectionName?: string;
}

export interface CaReference {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

const reference = { group: apiGroup, kind: kindName, name: objectName };

/** An absolute URI (RFC 3986 §3), as the CRD has it. */
const absoluteUri = z
  .string()
  .regex(
    /^(([^:/?#]+):)(\/\/([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?/,
    'must be an absolute URI\nWrite a URI such as spiffe://cluster.local/ns/default/sa/app.',
  )
  .max(253);

const exactHostname = hostname.refine((name) => !name.startsWith('*'), {
  error: 'must be a hostname without "*"\nWrite the name that the certificate of the backend is for.',
});

const schema = objectOf({
  spec: z.strictObject({
    targetRefs: z
      .array(z.strictObject({ ...reference, sectionName: subdomainName.optional() }))
      .min(1)
      .max(16),
    validation: z.strictObject({
      hostname: exactHostname,
      caCertificateRefs: z.array(z.strictObject(reference)).max(8).default([]),
      wellKnownCACertificates: z
        .string()
        .regex(
          /^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$/,
          'must be System or a name with a domain\nWrite System for the authorities of the operating system.',
        )
        .max(253)
        .optional(),
      subjectAltNames: z
        .array(
          z.strictObject({
            type: z.enum(['Hostname', 'URI']),
            hostname: hostname.optional(),
            uri: absoluteUri.optional(),
          }),
        )
        .max(5)
        .default([]),
    }),
    options: ignored('no option is known here'),
  }),
});

type Spec = z.output<typeof schema>['spec'];

export const backendTlsPolicyKind = defineKind<BackendTlsPolicy, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'BackendTLSPolicy',
  versions: ['v1', 'v1alpha3'],
  schema,
  decode: ({ spec }, context) => {
    checkTargets(spec, context);
    checkAuthorities(spec, context);
    const { validation } = spec;
    const path = ['spec', 'validation'];
    const wellKnown = validation.wellKnownCACertificates;
    return {
      spec: {
        targetRefs: spec.targetRefs.map(({ sectionName, ...target }, index) => ({
          origin: context.at(['spec', 'targetRefs', index]),
          ...target,
          ...present({ sectionName }),
        })),
        validation: {
          hostname: validation.hostname,
          subjectAltNames: validation.subjectAltNames.map((name, index) => decodeName(name, index, context)),
          caCertificateRefs: validation.caCertificateRefs.map((ref, index) => ({
            origin: context.at([...path, 'caCertificateRefs', index]),
            ...ref,
          })),
          ...(wellKnown === undefined
            ? {}
            : { wellKnown: { value: wellKnown, origin: context.at([...path, 'wellKnownCACertificates']) } }),
        },
      },
    };
  },
});

function checkTargets({ targetRefs }: Spec, context: DecodeContext): void {
  const seen = new Map<string, Set<string>>();
  for (const [index, { group, kind, name, sectionName = '' }] of targetRefs.entries()) {
    const key = JSON.stringify([group, kind, name]);
    const sections = seen.get(key) ?? new Set();
    if (sections.has(sectionName) || (sections.size > 0 && (sectionName === '') !== sections.has(''))) {
      context.error(['spec', 'targetRefs', index], {
        message: `target "${name}" is written more than once`,
        remedy: 'Give each a sectionName of its own, or keep one.',
      });
    }
    seen.set(key, sections.add(sectionName));
  }
}

function checkAuthorities({ validation }: Spec, context: DecodeContext): void {
  const { caCertificateRefs, wellKnownCACertificates } = validation;
  if (caCertificateRefs.length > 0 === (wellKnownCACertificates === undefined)) return;
  const isBoth = wellKnownCACertificates !== undefined;
  context.error(['spec', 'validation'], {
    message: `validation has ${isBoth ? 'both' : 'neither of'} caCertificateRefs and wellKnownCACertificates`,
    remedy: 'Write one of the two.',
  });
}

function decodeName(
  { type, hostname: host, uri }: Spec['validation']['subjectAltNames'][number],
  index: number,
  context: DecodeContext,
): BackendTlsPolicy['spec']['validation']['subjectAltNames'][number] {
  const [value, other] = type === 'Hostname' ? [host, uri] : [uri, host];
  if (value === undefined || other !== undefined) {
    context.error(['spec', 'validation', 'subjectAltNames', index], {
      message: `a name of type ${type} has ${type === 'Hostname' ? 'hostname' : 'uri'} and nothing else`,
      remedy: 'Write the one field that is called as its type.',
    });
  }
  return { type, value: value ?? '' };
}
