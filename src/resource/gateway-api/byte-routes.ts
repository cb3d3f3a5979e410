/** TLSRoute and TCPRoute: one rule each, whose backends get whole connections. */
import { z } from 'zod';
import { decodeBackendRefs, type BackendRef } from './backend-refs.ts';
import type { DecodeContext } from '../context.ts';
import { hostname, present, subdomainName } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import { isIP } from '../address.ts';
import type { Located, ResourceObject } from '../object.ts';
import { backendObjectRef } from './object-ref.ts';
import { checkRules, decodeParentRefs, parentRefs, type ParentRef } from './references.ts';

export interface TcpRoute extends ResourceObject {
  readonly spec: {
    readonly parentRefs: readonly ParentRef[];
    readonly rules: readonly ByteRouteRule[];
  };
}

export interface TlsRoute extends ResourceObject {
  readonly spec: {
    readonly parentRefs: readonly ParentRef[];
    /** Server names, lower case; empty (before v1 only): any. */
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
        .array(z.strictObject({ ...backendObjectRef, weight: z.int().min(0).max(1_000_000).default(1) }))
        .min(1)
        .max(16),
    }),
  )
  .min(1)
  .max(16);

/** Versions before v1 allow more rules, and TLSRoutes without hostnames; without matches no rule but the first can act. */
function isFirstVersion({ document }: DecodeContext): boolean {
  return document.apiVersion.endsWith('/v1alpha2');
}

function decodeRules(values: z.output<typeof rules>, context: DecodeContext): ByteRouteRule[] {
  checkRules(
    values.map(({ name }) => ({ name, matches: [] })),
    context,
  );
  for (const index of values.keys()) {
    if (index === 0) continue;
    const path = ['spec', 'rules', index];
    if (isFirstVersion(context)) {
      context.warn(path, {
        message: 'the first rule takes every connection, so that this one has no effect',
        remedy: 'Put the backends into one rule, with weights.',
      });
    } else
      context.error(path, { message: 'a second rule is not allowed', remedy: 'Keep one rule, with all backends.' });
  }
  return values.slice(0, 1).map((value, index) => {
    const path = ['spec', 'rules', index];
    return {
      origin: context.at(path),
      ...present({ name: value.name }),
      backendRefs: decodeBackendRefs(
        value.backendRefs.map((ref) => ({ ...ref, filters: [] })),
        path,
        context,
      ),
    };
  });
}

const useDefaultGateways = ignored('name the Gateway in parentRefs');

const tcpSchema = objectOf({ spec: z.strictObject({ parentRefs, rules, useDefaultGateways }) });

export const tcpRouteKind = defineKind<TcpRoute, typeof tcpSchema>({
  group: 'gateway.networking.k8s.io',
  kind: 'TCPRoute',
  versions: ['v1', 'v1alpha2'],
  schema: tcpSchema,
  decode: ({ spec }, context) => ({
    spec: { parentRefs: decodeParentRefs(spec.parentRefs, context), rules: decodeRules(spec.rules, context) },
  }),
});

const tlsSchema = objectOf({
  spec: z.strictObject({
    parentRefs,
    hostnames: z.array(hostname).max(1024).default([]),
    rules,
    useDefaultGateways,
  }),
});

export const tlsRouteKind = defineKind<TlsRoute, typeof tlsSchema>({
  group: 'gateway.networking.k8s.io',
  kind: 'TLSRoute',
  versions: ['v1', 'v1alpha3', 'v1alpha2'],
  schema: tlsSchema,
  decode: ({ spec }, context) => {
    if (spec.hostnames.length === 0 && !isFirstVersion(context)) {
      context.error(['spec'], {
        message: 'a TLSRoute needs hostnames',
        remedy: 'List the server names that it takes.',
      });
    }
    return decodeTls(spec, context);
  },
});

function decodeTls(spec: z.output<typeof tlsSchema>['spec'], context: DecodeContext): Pick<TlsRoute, 'spec'> {
  return {
    spec: {
      parentRefs: decodeParentRefs(spec.parentRefs, context),
      hostnames: spec.hostnames.map((value, index) => decodeServerName(value, index, context)),
      rules: decodeRules(spec.rules, context),
    },
  };
}

/** A server name is never an address (RFC 6066 §3), and the CRD of TLSRoute says so, unlike those of the other routes. */
function decodeServerName(value: string, index: number, context: DecodeContext): Located<string> {
  const path = ['spec', 'hostnames', index];
  if (isIP(value) && !isFirstVersion(context)) {
    context.error(path, { message: `hostname "${value}" is an address`, remedy: 'Write a DNS name.' });
  }
  return { value, origin: context.at(path) };
}
