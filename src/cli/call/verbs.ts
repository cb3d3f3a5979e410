import type { DescMessage } from '@bufbuild/protobuf';
import { failureOf, step } from './failure.ts';
import { quoteGo } from './go-text.ts';
import type { MessagePrinter } from './printer.ts';
import { printProto, type Describable } from './proto-printer.ts';
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
    await out(`${name} is ${elementKind(element)}:\n${printProto(element, types.registry())}\n`);
    if (element.kind === 'message' && listing.templates !== undefined) {
      await out(`\nMessage template:\n${await templateOf(element, listing.templates)}\n`);
    }
  }
  return names;
}

function templateOf(message: DescMessage, printer: MessagePrinter): Promise<string> {
  return printer.format(message, makeTemplate(message));
}

function elementKind(element: Describable): string {
  switch (element.kind) {
    case 'service':
      return 'a service';
    case 'rpc':
      return 'a method';
    case 'message':
      return isGroupType(element) ? 'the type of a group field' : 'a message';
    case 'field':
      return element.fieldKind === 'message' && element.delimitedEncoding ? 'a group field' : 'a field';
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

function isGroupType(message: DescMessage): boolean {
  return (
    message.parent?.fields.some(
      (field) => field.fieldKind === 'message' && field.delimitedEncoding && field.message === message,
    ) ?? false
  );
}
