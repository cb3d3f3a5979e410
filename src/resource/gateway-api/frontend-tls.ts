/** `spec.tls.frontend` of a Gateway: certificates of its clients (GEP-91). */
import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { apiGroup, kindName, namespaceName, objectName, portNumber } from '../fields.ts';
import type { Origin } from '../../base/index.ts';

export interface FrontendTls {
  readonly default?: FrontendValidation;
  /** Replaces the default on its port, also by nothing. */
  readonly perPort: readonly {
    readonly origin: Origin;
    readonly port: number;
    readonly validation?: FrontendValidation;
  }[];
}

export interface FrontendValidation {
  readonly origin: Origin;
  /** At least one. */
  readonly caCertificateRefs: readonly CaCertificateRef[];
  readonly mode: 'AllowValidOnly' | 'AllowInsecureFallback';
}

export interface CaCertificateRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The Gateway's own where none is written. */
  readonly namespace: string;
  readonly name: string;
}

const validation = z.strictObject({
  caCertificateRefs: z
    .array(z.strictObject({ group: apiGroup, kind: kindName, namespace: namespaceName.optional(), name: objectName }))
    .min(1)
    .max(16),
  mode: z.enum(['AllowValidOnly', 'AllowInsecureFallback']).default('AllowValidOnly'),
});

const tlsConfig = z.strictObject({ validation: validation.optional() });

export const frontendTls = z.strictObject({
  default: tlsConfig,
  perPort: z
    .array(z.strictObject({ port: portNumber, tls: tlsConfig }))
    .max(64)
    .default([]),
});

export function decodeFrontendTls(value: z.output<typeof frontendTls>, context: DecodeContext): FrontendTls {
  const path = ['spec', 'tls', 'frontend'];
  for (const [index, { port }] of value.perPort.entries()) {
    if (!value.perPort.slice(0, index).some((earlier) => earlier.port === port)) continue;
    context.error([...path, 'perPort', index], {
      message: `port ${port} is there twice`,
      remedy: 'Keep one entry for each port.',
    });
  }
  const ofDefault = decodeValidation(value.default.validation, [...path, 'default', 'validation'], context);
  return {
    ...(ofDefault === undefined ? {} : { default: ofDefault }),
    perPort: value.perPort.map(({ port, tls }, index) => {
      const at = [...path, 'perPort', index];
      const ofPort = decodeValidation(tls.validation, [...at, 'tls', 'validation'], context);
      return { origin: context.at(at), port, ...(ofPort === undefined ? {} : { validation: ofPort }) };
    }),
  };
}

function decodeValidation(
  value: z.output<typeof validation> | undefined,
  path: Path,
  context: DecodeContext,
): FrontendValidation | undefined {
  if (value === undefined) return undefined;
  return {
    origin: context.at(path),
    mode: value.mode,
    caCertificateRefs: value.caCertificateRefs.map(({ namespace, ...reference }, index) => ({
      origin: context.at([...path, 'caCertificateRefs', index]),
      ...reference,
      namespace: namespace ?? context.document.namespace,
    })),
  };
}
