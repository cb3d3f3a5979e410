import { z } from 'zod';
import { Secret } from '../../base/index.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import { accepted } from '../schema.ts';
import type { ResourceObject } from '../object.ts';

/** A Secret object (the name `Secret` alone is the wrapper for one secret text). */
export interface SecretObject extends ResourceObject {
  /** For example `kubernetes.io/tls`; `Opaque` where none is written. */
  readonly type: string;
  /** Decoded as UTF-8; `stringData` wins over `data` as in the API server. */
  readonly data: Readonly<Record<string, Secret>>;
}

const schema = objectOf({
  type: z.string().default('Opaque'),
  data: labelMap.default({}),
  stringData: labelMap.default({}),
  immutable: accepted(),
});

export const secretKind = defineKind<SecretObject, typeof schema>({
  group: '',
  kind: 'Secret',
  versions: ['v1'],
  schema,
  decode: ({ type, data, stringData }, context) => {
    const values: [string, Secret][] = Object.entries(data).map(([key, value]) => [
      key,
      decodeBase64(key, value, context),
    ]);
    for (const [key, value] of Object.entries(stringData)) values.push([key, new Secret(value)]);
    checkTls(type, new Map(values), context);
    return { type, data: Object.fromEntries(values) };
  },
});

function decodeBase64(key: string, value: string, context: DecodeContext): Secret {
  const text = value.replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    context.error(['data', key], {
      message: `data.${key} is not base64`,
      remedy: 'Encode it (base64 -w0), or move the plain text to stringData.',
    });
  }
  return new Secret(Buffer.from(text, 'base64').toString('utf8'));
}

function checkTls(type: string, values: ReadonlyMap<string, Secret>, context: DecodeContext): void {
  if (type !== 'kubernetes.io/tls') return;
  for (const key of ['tls.crt', 'tls.key']) {
    if (values.has(key)) continue;
    context.error(['data'], {
      message: `a Secret of type kubernetes.io/tls needs ${key}`,
      remedy: `Add ${key}, as kubectl create secret tls does.`,
    });
  }
}
