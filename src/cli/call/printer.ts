import { fromBinary, isMessage, type DescMessage, type Message } from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { reflect, isReflectList, isReflectMap, isReflectMessage } from '@bufbuild/protobuf/reflect';
import { formatJson } from './json-format.ts';
import { builtinTypes } from './status.ts';
import { formatAnyText, formatText } from './text-format.ts';
import type { TypeSource } from './type-source.ts';

/** Turns messages into text in the wanted format. */
export interface MessagePrinter {
  format(schema: DescMessage, message: Message): Promise<string>;
  /** A detail of an error. */
  formatAny(any: Any): Promise<string>;
}

/** Prints in `format`. In text, messages after the first are led by the record separator when `separate` is set. */
export function createPrinter(options: {
  readonly format: 'json' | 'text';
  readonly types: TypeSource;
  readonly emitDefaults: boolean;
  readonly separate: boolean;
}): MessagePrinter {
  const { types, emitDefaults } = options;
  let count = 0;
  const separator = (): string => {
    count += 1;
    return options.separate && count > 1 ? '\u001e' : '';
  };
  return {
    async format(schema, message) {
      if (options.format === 'text') return separator() + formatText(schema, message, types.registry());
      await learnAnyTypes({ schema, message }, types);
      return formatJson(schema, message, { registry: types.registry(), builtin: builtinTypes, emitDefaults });
    },
    async formatAny(any) {
      if (options.format === 'text') return separator() + formatAnyText(any, builtinTypes);
      await learnAnyTypes({ schema: AnySchema, message: any }, types);
      return formatJson(AnySchema, any, { registry: types.registry(), builtin: builtinTypes, emitDefaults });
    },
  };
}

/** Asks the source for the types of all `Any` in a message, also those inside of others. */
async function learnAnyTypes(
  what: { readonly schema: DescMessage; readonly message: Message },
  types: TypeSource,
): Promise<void> {
  const tried = new Set<string>();
  const visit = async (value: unknown): Promise<void> => {
    if (isReflectList(value)) for (const item of value) await visit(item);
    else if (isReflectMap(value)) for (const item of value.values()) await visit(item);
    else if (isReflectMessage(value)) {
      if (isMessage(value.message, AnySchema)) return visitAny(value.message);
      for (const field of value.fields) {
        if (field.message !== undefined && value.isSet(field)) await visit(value.get(field));
      }
    }
  };
  const visitAny = async (any: Any): Promise<void> => {
    const name = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
    if (name !== '' && !tried.has(name) && types.registry().getMessage(name) === undefined) {
      tried.add(name);
      await types.find(name).catch(() => undefined);
    }
    const schema = types.registry().getMessage(name) ?? builtinTypes.getMessage(name);
    if (schema !== undefined) await visit(reflect(schema, fromBinary(schema, any.value)));
  };
  await visit(reflect(what.schema, what.message));
}
