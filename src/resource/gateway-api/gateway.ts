import { z } from 'zod';
import { isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { apiGroup, kindName, labelSelector, objectName, present, textMap } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { ignored, wellFormedIgnored } from '../schema.ts';
import { decodeFrontendTls, frontendTls, type FrontendTls } from './frontend-tls.ts';
import {
  certificateRef,
  checkListeners,
  decodeListener,
  decodeNamespaces,
  listenerSchema,
  type CertificateRef,
  type Listener,
} from './listener.ts';
import type { Origin } from '../../base/index.ts';
import type { LabelSelector, Located, ResourceObject, Unsupported } from '../object.ts';

export interface Gateway extends ResourceObject {
  readonly spec: GatewaySpec;
}

export interface GatewaySpec {
  readonly gatewayClassName: Located<string>;
  /** At least one, names are unique. */
  readonly listeners: readonly Listener[];
  /** Empty: any. */
  readonly addresses: readonly GatewayAddress[];
  readonly infrastructure: GatewayInfrastructure;
  readonly allowedListeners: AllowedListeners;
  readonly frontendTls?: FrontendTls;
  /** What the gateway presents to backends with a BackendTLSPolicy. */
  readonly backendCertificateRef?: CertificateRef;
  /** Annotation `gateway.istio.io/service-account` or `networking.istio.io/service-account`: what the gateway runs as. */
  readonly serviceAccount?: Located<string>;
  /** Annotation `gateway.istio.io/name-override`: replaces `<gateway>-<class>` as name of workload and service account. */
  readonly nameOverride?: Located<string>;
  /** Not empty: none of the listeners may be served. */
  readonly unsupported: readonly Unsupported[];
}

export interface GatewayAddress {
  readonly origin: Origin;
  /** `IPAddress`, `Hostname`, or what only some implementations know. */
  readonly type: string;
  /** Absent: any address of that type. */
  readonly value?: string;
}

export interface GatewayInfrastructure {
  /** Absent: the Gateway's own labels. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly parametersRef?: {
    readonly origin: Origin;
    readonly group: string;
    readonly kind: string;
    readonly name: string;
  };
}

/** Which namespaces may have ListenerSets for this Gateway. */
export interface AllowedListeners {
  readonly from: 'All' | 'Selector' | 'Same' | 'None';
  /** Present with `from: Selector`. */
  readonly selector?: LabelSelector;
}

const address = z.strictObject({
  type: z
    .string()
    .max(253, { abort: true })
    .regex(
      // As in the CRD, whose first three names are not anchored together.
      /^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/,
      'must be a type of address\nWrite IPAddress or Hostname.',
    )
    .default('IPAddress'),
  value: z.string().max(253).optional(),
});

const metadataKey =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;

/** A map whose keys are those of labels and annotations. */
function metadataMap(bounds: Parameters<typeof textMap>[0]) {
  return textMap(bounds).refine(
    (map) => Object.keys(map).every((key) => metadataKey.test(key) && (key.split('/')[0] ?? '').length < 253),
    'must have keys as labels and annotations have\nWrite a name such as team, or example.com/team.',
  );
}

const infrastructure = z.strictObject({
  labels: metadataMap({ maxEntries: 8, maxLength: 63 })
    .refine(
      (map) => Object.values(map).every((value) => /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value)),
      'must have values as labels have\nUse letters, digits, "-", "_" and ".".',
    )
    .optional(),
  annotations: wellFormedIgnored(
    metadataMap({ maxEntries: 16, maxLength: 4096 }),
    'no workload is made that could carry them',
  ),
  parametersRef: z.strictObject({ group: apiGroup, kind: kindName, name: objectName }).optional(),
});

const schema = objectOf({
  spec: z.strictObject({
    gatewayClassName: objectName,
    listeners: z.array(listenerSchema).min(1).max(64),
    addresses: z.array(address).max(16).default([]),
    infrastructure: infrastructure.prefault({}),
    allowedListeners: z
      .strictObject({
        namespaces: z
          .strictObject({
            from: z.enum(['All', 'Selector', 'Same', 'None']).default('None'),
            selector: labelSelector.optional(),
          })
          .prefault({}),
      })
      .prefault({}),
    defaultScope: ignored('routes must name this Gateway'),
    tls: z
      .strictObject({
        frontend: frontendTls.optional(),
        backend: z.strictObject({ clientCertificateRef: certificateRef.optional() }).optional(),
      })
      .optional(),
  }),
});

export const gatewayKind = defineKind<Gateway, typeof schema>({
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  versions: ['v1', 'v1beta1'],
  schema,
  decode: ({ spec, metadata }, context) => {
    checkListeners(spec.listeners, context);
    checkAddresses(spec.addresses, context);
    const annotation = (...names: string[]): Located<string> | undefined => {
      const name = names.find((one) => (metadata.annotations[one] ?? '') !== '');
      if (name === undefined) return undefined;
      return { value: metadata.annotations[name] as string, origin: context.at(['metadata', 'annotations', name]) };
    };
    const frontend = spec.tls?.frontend;
    const clientRef = spec.tls?.backend?.clientCertificateRef;
    return {
      spec: {
        gatewayClassName: { value: spec.gatewayClassName, origin: context.at(['spec', 'gatewayClassName']) },
        listeners: spec.listeners.map((value, index) => decodeListener(value, ['spec', 'listeners', index], context)),
        addresses: spec.addresses.map(({ type, value }, index) => ({
          origin: context.at(['spec', 'addresses', index]),
          type,
          ...(value === undefined || value === '' ? {} : { value }),
        })),
        infrastructure: decodeInfrastructure(spec.infrastructure, context),
        allowedListeners: decodeNamespaces(spec.allowedListeners.namespaces, ['spec', 'allowedListeners'], context),
        ...present({
          frontendTls: frontend === undefined ? undefined : decodeFrontendTls(frontend, context),
          backendCertificateRef: clientRef && {
            origin: context.at(['spec', 'tls', 'backend', 'clientCertificateRef']),
            group: clientRef.group,
            kind: clientRef.kind,
            namespace: clientRef.namespace ?? context.document.namespace,
            name: clientRef.name,
          },
          serviceAccount: annotation('gateway.istio.io/service-account', 'networking.istio.io/service-account'),
          nameOverride: annotation('gateway.istio.io/name-override'),
        }),
        unsupported: context.refusedBelow(['spec'], ['listeners']),
      },
    };
  },
});

function decodeInfrastructure(
  { labels, parametersRef }: z.output<typeof infrastructure>,
  context: DecodeContext,
): GatewayInfrastructure {
  const path = ['spec', 'infrastructure'];
  const reference =
    parametersRef === undefined ? undefined : { origin: context.at([...path, 'parametersRef']), ...parametersRef };
  return present({ labels, parametersRef: reference });
}

/** The rules of the CRD about addresses. */
function checkAddresses(addresses: readonly z.output<typeof address>[], context: DecodeContext): void {
  for (const [index, { type, value }] of addresses.entries()) {
    const path = ['spec', 'addresses', index];
    if (value === undefined) continue;
    if (
      type === 'Hostname' &&
      !/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(value)
    ) {
      context.error([...path, 'value'], {
        message: `address "${value}" is no hostname`,
        remedy: 'Write a DNS name in lower case, or type: IPAddress.',
      });
    }
    if (type === 'IPAddress' && !isIP(value)) {
      context.error([...path, 'value'], {
        message: `address "${value}" is no IP address`,
        remedy: 'Write an address such as 127.0.0.1, or leave the value out to take any.',
      });
    }
    const isKnown = type === 'Hostname' || type === 'IPAddress';
    if (isKnown && addresses.slice(0, index).some((other) => other.type === type && other.value === value)) {
      context.error(path, { message: `address "${value}" is written twice`, remedy: 'Keep one of them.' });
    }
  }
}
