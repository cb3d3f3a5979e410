/** TLSRoute and TCPRoute: one rule each, whose backends get whole connections. */
import { z } from 'zod';
import type { DecodeContext } from '../context.ts';
import { hostname, present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import { isIP } from '../address.ts';
import type { Located, ResourceObject } from '../object.ts';
import {
  backendRefs,
  decodeBackendRefs,
  decodeParentRefs,
  parentRefs,
  type BackendRef,
  type ParentRef,
} from './references.ts';

export interface TcpRoute extends ResourceObject {
  readonly spec: {
    readonly parentRefs: readonly ParentRef[];
    readonly rules: readonly ByteRouteRule[];
  };
}

export interface TlsRoute extends ResourceObject {
  readonly spec: {
    readonly parentRefs: readonly ParentRef[];
    /** Server names, lower case; at least one. */
    readonly hostnames: readonly Located<string>[];
    readonly rules: readonly ByteRouteRule[];
  };
}

export interface ByteRouteRule {
  readonly origin: Origin;
  readonly name?: string;
  /** At least one. */
  readonly backendRefs: readonly BackendRef[];
}

const rules = z
  .array(
    z.strictObject({
      name: subdomainName.optional(),
      backendRefs: z
        .array(backendRefs.unwrap().element.omit({ filters: true }).strict())
        .min(1)
        .max(16),
    }),
  )
  .length(1);

function decodeRules(values: z.output<typeof rules>, context: DecodeContext): ByteRouteRule[] {
  return values.map((value, index) => {
    const path = ['spec', 'rules', index];
    return {
      origin: context.at(path),
      ...present({ name: value.name }),
      backendRefs: decodeBackendRefs(value.backendRefs, path, context),
    };
  });
}

const useDefaultGateways = ignored('name the Gateway in parentRefs');

const tcpSchema = objectOf({ spec: z.strictObject({ parentRefs, rules, useDefaultGateways }) });

export const tcpRouteKind = defineKind<TcpRoute, typeof tcpSchema>({
  group: 'gateway.networking.k8s.io',
  kind: 'TCPRoute',
  versions: ['v1'],
  schema: tcpSchema,
  decode: ({ spec }, context) => ({
    spec: { parentRefs: decodeParentRefs(spec.parentRefs, context), rules: decodeRules(spec.rules, context) },
  }),
});

const tlsSchema = objectOf({
  spec: z.strictObject({
    parentRefs,
    hostnames: z.array(hostname).min(1).max(1024),
    rules,
    useDefaultGateways,
  }),
});

export const tlsRouteKind = defineKind<TlsRoute, typeof tlsSchema>({
  group: 'gateway.networking.k8s.io',
  kind: 'TLSRoute',
  versions: ['v1'],
  schema: tlsSchema,
  decode: ({ spec }, context) => ({
    spec: {
      parentRefs: decodeParentRefs(spec.parentRefs, context),
      hostnames: spec.hostnames.map((value, index) => decodeServerName(value, index, context)),
      rules: decodeRules(spec.rules, context),
    },
  }),
});

/** A server name is never an address (RFC 6066 §3), and the CRD of TLSRoute says so, unlike those of the other routes. */
function decodeServerName(value: string, index: number, context: DecodeContext): Located<string> {
  const path = ['spec', 'hostnames', index];
  if (isIP(value)) {
    context.error(path, { message: `hostname "${value}" is an address`, remedy: 'Write a DNS name.' });
  }
  return { value, origin: context.at(path) };
}
