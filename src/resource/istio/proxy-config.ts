import { z } from 'zod';
import { workloadSelector } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { ResourceObject } from '../object.ts';
import { wellFormedIgnored } from '../schema.ts';

/** Settings of Envoy's process, which does not run here. Read so that each is reported in its place. */
export type ProxyConfig = ResourceObject;

const schema = objectOf({
  spec: z
    .strictObject({
      selector: workloadSelector.optional(),
      concurrency: wellFormedIgnored(
        z.int().min(0).max(2_147_483_647),
        'each proxy is one process; `sallyport run --workers` says how many share its ports',
      ),
      environmentVariables: wellFormedIgnored(
        z.record(z.string(), z.string().max(2048)),
        'they are for Envoy and its agent, which do not run here',
      ),
      image: wellFormedIgnored(
        z.strictObject({ imageType: z.string().optional() }),
        'no image is pulled: the proxy is part of Sallyport',
      ),
    })
    .prefault({}),
});

export const proxyConfigKind = defineKind<ProxyConfig, typeof schema>({
  group: 'networking.istio.io',
  kind: 'ProxyConfig',
  versions: ['v1beta1'],
  schema,
  decode: () => ({}),
});
