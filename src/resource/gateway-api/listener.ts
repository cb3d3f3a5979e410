/** Listeners, of a Gateway or of a ListenerSet: one schema, one set of rules. */
import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import {
  apiGroup,
  hostname,
  kindName,
  labelSelector,
  namespaceName,
  objectName,
  portNumber,
  subdomainName,
  textMap,
} from '../fields.ts';
import { wellFormedIgnored } from '../schema.ts';
import { decodeLabelSelector } from '../selectors.ts';
import { warnOfAddress } from './references.ts';
import type { Origin } from '../../base/index.ts';
import type { LabelSelector, Located, Unsupported } from '../object.ts';

export interface Listener {
  readonly origin: Origin;
  readonly name: string;
  /** Lower case, `*.` prefix for wildcards; absent: any. */
  readonly hostname?: Located<string>;
  readonly port: number;
  /** `HTTP`, `HTTPS`, `TLS`, `TCP`, or what is not supported (`UDP`, `example.com/x`); the analysis reports it. */
  readonly protocol: Located<string>;
  readonly tls?: ListenerTls;
  readonly allowedRoutes: AllowedRoutes;
  readonly unsupported: readonly Unsupported[];
}

export interface ListenerTls {
  readonly origin: Origin;
  /** `Passthrough` with protocol `TLS` only. */
  readonly mode: 'Terminate' | 'Passthrough';
  readonly certificateRefs: readonly CertificateRef[];
}

export interface CertificateRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The namespace of the object with the listener where none is written. */
  readonly namespace: string;
  readonly name: string;
}

export interface AllowedRoutes {
  readonly origin: Origin;
  readonly from: 'All' | 'Selector' | 'Same';
  /** Present with `from: Selector`. */
  readonly selector?: LabelSelector;
  /** Empty: the kinds that suit the protocol. */
  readonly kinds: readonly RouteGroupKind[];
}

export interface RouteGroupKind {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
}

export const certificateRef = z.strictObject({
  group: apiGroup.default(''),
  kind: kindName.default('Secret'),
  namespace: namespaceName.optional(),
  name: objectName,
});

const allowedRoutes = z.strictObject({
  namespaces: z
    .strictObject({ from: z.enum(['All', 'Selector', 'Same']).default('Same'), selector: labelSelector.optional() })
    .prefault({}),
  kinds: z
    .array(z.strictObject({ group: apiGroup.default('gateway.networking.k8s.io'), kind: kindName }))
    .max(8)
    .default([]),
});

export const listenerSchema = z.strictObject({
  name: subdomainName,
  hostname: hostname.optional(),
  port: portNumber,
  protocol: z
    .string()
    .max(255, { abort: true })
    .regex(
      // As in the CRD, whose second half is not anchored in front.
      /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+$/,
      'must be a protocol\nWrite HTTP, HTTPS, TLS or TCP.',
    ),
  tls: z
    .strictObject({
      mode: z.enum(['Terminate', 'Passthrough']).default('Terminate'),
      certificateRefs: z.array(certificateRef).max(64).default([]),
      options: wellFormedIgnored(
        textMap({ maxEntries: 16, maxLength: 4096 }),
        'TLS is served with its default settings',
      ),
    })
    .optional(),
  allowedRoutes: allowedRoutes.prefault({}),
});

export function decodeListener(value: z.output<typeof listenerSchema>, path: Path, context: DecodeContext): Listener {
  if (value.hostname !== undefined) warnOfAddress(value.hostname, [...path, 'hostname'], context);
  return {
    origin: context.at(path),
    name: value.name,
    ...(value.hostname === undefined
      ? {}
      : { hostname: { value: value.hostname, origin: context.at([...path, 'hostname']) } }),
    port: value.port,
    protocol: { value: value.protocol, origin: context.at([...path, 'protocol']) },
    ...(value.tls === undefined ? {} : { tls: decodeTls(value.tls, [...path, 'tls'], context) }),
    allowedRoutes: decodeAllowedRoutes(value.allowedRoutes, [...path, 'allowedRoutes'], context),
    unsupported: context.refusedBelow(path),
  };
}

function decodeTls(
  value: z.output<typeof listenerSchema.shape.tls> & object,
  path: Path,
  context: DecodeContext,
): ListenerTls {
  return {
    origin: context.at(path),
    mode: value.mode,
    certificateRefs: value.certificateRefs.map(({ group, kind, namespace, name }, index) => ({
      origin: context.at([...path, 'certificateRefs', index]),
      group,
      kind,
      namespace: namespace ?? context.document.namespace,
      name,
    })),
  };
}

function decodeAllowedRoutes(value: z.output<typeof allowedRoutes>, path: Path, context: DecodeContext): AllowedRoutes {
  return {
    origin: context.at(path),
    ...decodeNamespaces(value.namespaces, path, context),
    kinds: value.kinds.map((kind, index) => ({ origin: context.at([...path, 'kinds', index]), ...kind })),
  };
}

/** `namespaces` of a listener's `allowedRoutes` and of a Gateway's `allowedListeners`, which lie below `path`. */
export function decodeNamespaces<From extends string>(
  { from, selector }: { readonly from: From; readonly selector?: z.output<typeof labelSelector> | undefined },
  path: Path,
  context: DecodeContext,
): { readonly from: From; readonly selector?: LabelSelector } {
  const selectorPath = [...path, 'namespaces', 'selector'];
  if (from === 'Selector' && selector === undefined) {
    context.error([...path, 'namespaces'], {
      message: 'from: Selector needs a selector',
      remedy: 'Add selector.matchLabels for the labels of the namespaces, or use from: All.',
    });
  }
  if (from !== 'Selector' && selector !== undefined) {
    context.warn(selectorPath, {
      message: `the selector has no effect with from: ${from}`,
      remedy: 'Write from: Selector, or take the selector away.',
    });
  }
  return {
    from,
    ...(from === 'Selector' && selector !== undefined
      ? { selector: decodeLabelSelector(selector, selectorPath, context) }
      : {}),
  };
}

/** The rules of the CRD that concern one listener, and those that compare listeners. */
export function checkListeners(listeners: readonly z.output<typeof listenerSchema>[], context: DecodeContext): void {
  const names = new Set<string>();
  const places = new Map<string, string>();
  for (const [index, value] of listeners.entries()) {
    const path = ['spec', 'listeners', index];
    checkProtocol(value, path, context);
    if (names.has(value.name)) {
      context.error([...path, 'name'], {
        message: `listener name "${value.name}" is used twice`,
        remedy: 'Give each listener a name of its own; routes choose by it.',
      });
    }
    names.add(value.name);
    const place = `${value.protocol} ${value.port} ${value.hostname ?? ''}`;
    const earlier = places.get(place);
    if (earlier !== undefined && earlier !== value.name) {
      context.error(path, {
        message: `listener "${value.name}" has the port, protocol and hostname of listener "${earlier}"`,
        remedy: 'Change one of the three, or keep one listener.',
      });
    }
    places.set(place, value.name);
  }
}

function checkProtocol(value: z.output<typeof listenerSchema>, path: Path, context: DecodeContext): void {
  const { protocol, tls } = value;
  if (tls !== undefined && ['HTTP', 'TCP', 'UDP'].includes(protocol)) {
    context.error([...path, 'tls'], {
      message: `tls must not be set for protocol ${protocol}`,
      remedy: protocol === 'HTTP' ? 'Write protocol: HTTPS, or take tls away.' : 'Take tls away.',
    });
  }
  if (protocol === 'HTTPS' && tls?.mode === 'Passthrough') {
    context.error([...path, 'tls', 'mode'], {
      message: 'protocol HTTPS needs tls.mode Terminate',
      remedy: 'Write mode: Terminate and name a certificate.',
    });
  }
  if (value.hostname !== undefined && ['TCP', 'UDP'].includes(protocol)) {
    context.error([...path, 'hostname'], {
      message: `hostname must not be set for protocol ${protocol}`,
      remedy: 'Take the hostname away.',
    });
  }
  if (protocol === 'TLS' && tls === undefined) {
    context.error(path, {
      message: 'protocol TLS needs tls with a mode',
      remedy: 'Add tls.mode: Terminate with a certificate, or Passthrough.',
    });
  }
  const terminates = tls?.mode === 'Terminate';
  if (terminates && tls.certificateRefs.length === 0 && Object.keys(tls.options ?? {}).length === 0) {
    context.error([...path, 'tls'], {
      message: 'tls.mode Terminate needs certificateRefs',
      remedy: 'Name a Secret of type kubernetes.io/tls.',
    });
  }
}
