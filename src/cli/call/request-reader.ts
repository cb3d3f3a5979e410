import { create, fromJson, type DescMessage, type JsonValue, type Message, type Registry } from '@bufbuild/protobuf';
import { fromText } from '@bufbuild/protobuf/txtpb';
import { reasonOf } from './failure.ts';
import { splitJson } from './json-splitter.ts';

/** Request messages as they come in. */
export interface RequestReader {
  /** The next message, `undefined` at the end. Rejects when the data does not parse. */
  next(): Promise<Message | undefined>;
  /** How many messages `next` has started to read. */
  readonly count: number;
}

/** How the request data is to be read. */
export interface RequestFormat {
  readonly format: 'json' | 'text';
  readonly schema: DescMessage;
  readonly registry: Registry;
  readonly allowUnknownFields: boolean;
}

/** In the text format messages stand between these, and empty text is an empty message. */
const recordSeparator = '\u001e';

/** Reads messages from text that arrives in pieces, each as soon as it is complete. */
export function readRequests(chunks: AsyncIterable<string>, options: RequestFormat): RequestReader {
  const parts = options.format === 'json' ? splitJson(chunks) : splitText(chunks);
  let count = 0;
  return {
    async next() {
      const part = await parts.next();
      if (part.done === true) return undefined;
      count += 1;
      return options.format === 'json' ? parseJson(part.value, options) : parseText(part.value, options);
    },
    get count() {
      return count;
    },
  };
}

function parseText(text: string, options: RequestFormat): Message {
  return fromText(options.schema, text, { registry: options.registry });
}

function parseJson(text: string, options: RequestFormat): Message {
  const json = prepare(parseValue(text), options.schema);
  if (json === null) return create(options.schema);
  try {
    return fromJson(options.schema, json, {
      registry: options.registry,
      ignoreUnknownFields: options.allowUnknownFields,
    });
  } catch (error) {
    const unknown = /^cannot decode message (\S+) from JSON: key "(.*)" is unknown$/.exec(reasonOf(error));
    if (unknown === null) throw error;
    throw new Error(`message type ${unknown[1]} has no known field named ${unknown[2]}`, { cause: error });
  }
}

/** The words of Go's decoder where they differ from JavaScript's only in style. */
function parseValue(text: string): JsonValue {
  try {
    return JSON.parse(text, keepBigIntegers);
  } catch (error) {
    const token = /^Unexpected token '(.+?)'/su.exec(reasonOf(error))?.[1];
    throw token === undefined
      ? error
      : new Error(`invalid character '${token}' looking for beginning of value`, { cause: error });
  }
}

/** 64-bit integers may stand without quotes; as a JavaScript number they would lose digits, as a string they do not. */
function keepBigIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isBig = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '');
  return isBig ? context?.source : value;
}

/** grpcurl takes FieldMask as the object it is (`{"paths": ["a.b"]}`), protobuf JSON as a string; both are taken here. */
function prepare(json: JsonValue, schema: DescMessage): JsonValue {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  if (schema.typeName === 'google.protobuf.FieldMask') {
    const { paths } = json;
    const isList = Array.isArray(paths) && paths.every((path) => typeof path === 'string');
    return isList ? paths.map(camelCase).join(',') : json;
  }
  const prepared: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find((one) => one.jsonName === key || one.name === key);
    const inner = field?.message;
    if (inner === undefined || schema.typeName.startsWith('google.protobuf.')) prepared[key] = value;
    else if (field?.fieldKind === 'list' && Array.isArray(value))
      prepared[key] = value.map((one) => prepare(one, inner));
    else if (field?.fieldKind === 'map' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      prepared[key] = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, prepare(one, inner)]));
    } else prepared[key] = prepare(value, inner);
  }
  return prepared;
}

function camelCase(path: string): string {
  return path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

async function* splitText(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let pending = '';
  for await (const chunk of chunks) {
    const parts = (pending + chunk).split(recordSeparator);
    pending = parts.pop() ?? '';
    yield* parts;
  }
  yield pending;
}
