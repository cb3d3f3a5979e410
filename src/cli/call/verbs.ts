import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Type } from '@bufbuild/protobuf/wkt';
import type { Describable } from './describable.ts';
import { failureOf, step } from './failure.ts';
import { quoteGo } from './go-text.ts';
import type { MessagePrinter } from './printer.ts';
import { printProto } from './proto-printer.ts';
import { makeTemplate } from './template.ts';
import { SymbolNotFound, type TypeSource } from './type-source.ts';

/** What `list` and `describe` need. */
export interface Listing {
  readonly types: TypeSource;
  readonly symbol: string | undefined;
  readonly out: (text: string) => Promise<void>;
  /** Set for `-msg-template`. */
  readonly templates: MessagePrinter | undefined;
}

/** Prints the services, or the methods of one; answers the symbols for `-protoset-out`. */
export async function list(listing: Listing): Promise<readonly string[]> {
  const { types, symbol, out } = listing;
  if (symbol === undefined) {
    const services = [...(await step('Failed to list services', () => types.listServices()))].sort();
    await out(services.length === 0 ? '(No services)\n' : `${services.join('\n')}\n`);
    return services;
  }
  const methods = await step(`Failed to list methods for service ${quoteGo(symbol)}`, async () => {
    const found = await types.find(symbol);
    if (found.kind !== 'service') throw new SymbolNotFound(`Service not found: ${symbol}`);
    return found.methods.map((method) => `${found.typeName}.${method.name}`).sort();
  });
  await out(methods.length === 0 ? '(No methods)\n' : `${methods.join('\n')}\n`);
  return [symbol];
}

/** Prints the proto source of a symbol, or of all services; answers the symbols for `-protoset-out`. */
export async function describe(listing: Listing): Promise<readonly string[]> {
  const { types, out } = listing;
  let symbols = listing.symbol === undefined ? [] : [listing.symbol];
  if (listing.symbol === undefined) {
    symbols = [...(await step('Failed to list services', () => types.listServices()))];
    if (symbols.length === 0) await out('Server returned an empty list of exposed services\n');
  }
  const names = symbols.map((symbol) => (symbol.startsWith('.') ? symbol.slice(1) : symbol));
  for (const name of names) {
    const element = await types.find(name).catch((error: unknown) => {
      throw failureOf(`Failed to resolve symbol ${quoteGo(name)}`, error);
    });
    await out(`${fullName(element, name)} is ${elementKind(element, name)}:\n`);
    const group = element.kind === 'message' ? groupOf(element) : undefined;
    await out(`${printProto(group ?? element, types.registry())}\n`);
    if (element.kind === 'message' && listing.templates !== undefined) {
      await out(`\nMessage template:\n${await templateOf(element, listing.templates)}\n`);
    }
  }
  return names;
}

function templateOf(message: DescMessage, printer: MessagePrinter): Promise<string> {
  return printer.format(message, makeTemplate(message));
}

/** Enum values are found as siblings of their enum, and printed as members of it. */
function fullName(element: Describable, name: string): string {
  return element.kind === 'enum_value' ? `${element.parent.typeName}.${element.name}` : name;
}

function elementKind(element: Describable, name: string): string {
  switch (element.kind) {
    case 'service':
      return 'a service';
    case 'rpc':
      return 'a method';
    case 'message':
      return groupOf(element) !== undefined ? 'the type of a group field' : 'a message';
    case 'field':
      if (!name.endsWith(`.${element.name}`)) return 'the entry type for a map field';
      return element.proto.type === FieldDescriptorProto_Type.GROUP ? 'a group field' : 'a field';
    case 'extension':
      return 'an extension';
    case 'oneof':
      return 'a one-of';
    case 'enum':
      return 'an enum';
    case 'enum_value':
      return 'an enum value';
  }
}

/** The field that a group type was declared with. */
function groupOf(message: DescMessage): DescField | undefined {
  return message.parent?.fields.find(
    (field) => field.proto.type === FieldDescriptorProto_Type.GROUP && field.message === message,
  );
}
