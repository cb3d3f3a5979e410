import { clone, create, createFileRegistry, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { GrpcStatus } from '../../grpc/index.ts';
import { createDescriptorPool, type DescriptorPool, type PoolFile } from '../../protobuf/index.ts';
import { findElement } from './find-element.ts';
import type { Describable } from './describable.ts';
import { ReflectionError, type ReflectionClient } from './reflection-client.ts';

/** Where types come from: the server's reflection, descriptor sets, or both. */
export interface TypeSource {
  /** Full names, unsorted. */
  listServices(): Promise<readonly string[]>;
  /** @throws {SymbolNotFound} or what went wrong in asking. */
  find(symbol: string): Promise<Describable>;
  /** Makes the server's extensions of this message, and of those within it, known. */
  loadExtensions(message: DescMessage): Promise<void>;
  /** All types known by now. */
  registry(): FileRegistry;
  /** The files that define these symbols, imports first. */
  filesOf(symbols: readonly string[]): Promise<readonly Uint8Array[]>;
}

export class SymbolNotFound extends Error {}

/** Files with the registry over them, rebuilt when files come in. */
interface Store {
  readonly has: (name: string) => boolean;
  readonly add: (files: readonly Uint8Array[]) => void;
  readonly registry: () => FileRegistry;
  readonly pool: () => DescriptorPool;
}

function createStore(): Store {
  const files: Uint8Array[] = [];
  let pool = createDescriptorPool([]);
  let registry: FileRegistry = createFileRegistry();
  return {
    has: (name) => pool.filesByName.has(name),
    add(more) {
      files.push(...more);
      pool = createDescriptorPool([{ files }]);
      registry = createFileRegistry(
        create(FileDescriptorSetSchema, { file: pool.files.map((file) => withoutMissingImports(file, pool)) }),
      );
    },
    registry: () => registry,
    pool: () => pool,
  };
}

/** Servers may not know all their imports; as long as no type of theirs is used, that does no harm. */
function withoutMissingImports(file: PoolFile, pool: DescriptorPool): FileDescriptorProto {
  const { proto } = file.file;
  const dependency = proto.dependency.filter((name) => pool.filesByName.has(name));
  if (dependency.length === proto.dependency.length) return proto;
  return { ...clone(FileDescriptorProtoSchema, proto), dependency, publicDependency: [], weakDependency: [] };
}

/** Types from descriptor sets. */
export function createFileSource(files: readonly Uint8Array[]): TypeSource {
  const store = createStore();
  store.add(files);
  return {
    listServices: () => Promise.resolve([...store.pool().services]),
    async find(symbol) {
      const element = findElement(store.registry(), symbol);
      if (element === undefined) throw new SymbolNotFound(`Symbol not found: ${symbol}`);
      return element;
    },
    loadExtensions: () => Promise.resolve(),
    registry: () => store.registry(),
    filesOf: (symbols) => Promise.resolve(reachableFiles(store.pool(), symbols)),
  };
}

/** Types from the server, fetched as they are needed. */
export function createReflectionSource(client: ReflectionClient): TypeSource {
  const store = createStore();
  const asked = new Set<string>();

  const load = async (question: Parameters<ReflectionClient['ask']>[0]): Promise<void> => {
    const answer = await client.ask(question);
    if (answer.case !== 'fileDescriptorResponse')
      throw new Error(`unexpected reflection answer ${String(answer.case)}`);
    store.add(answer.value.fileDescriptorProto);
    const missing = store
      .pool()
      .files.flatMap((file) => file.file.proto.dependency)
      .filter((name) => !store.has(name));
    for (const name of new Set(missing)) {
      if (asked.has(name) || store.has(name)) continue;
      asked.add(name);
      await load({ case: 'fileByFilename', value: name }).catch((error: unknown) => {
        if (!(error instanceof ReflectionError)) throw error;
      });
    }
  };
  const find = async (symbol: string): Promise<Describable> => {
    const known = findElement(store.registry(), symbol);
    if (known !== undefined) return known;
    try {
      await load({ case: 'fileContainingSymbol', value: symbol });
    } catch (error) {
      if (error instanceof ReflectionError && error.code === GrpcStatus.NOT_FOUND) {
        throw new SymbolNotFound(`Symbol not found: ${symbol}`, { cause: error });
      }
      throw error;
    }
    const element = findElement(store.registry(), symbol);
    if (element === undefined) throw new SymbolNotFound(`Symbol not found: ${symbol}`);
    return element;
  };
  return {
    async listServices() {
      const answer = await client.ask({ case: 'listServices', value: '*' });
      return answer.case === 'listServicesResponse' ? answer.value.service.map((service) => service.name) : [];
    },
    find,
    loadExtensions: (message) => loadExtensions(message, { client, load, seen: new Set() }),
    registry: () => store.registry(),
    async filesOf(symbols) {
      for (const symbol of symbols) await find(symbol);
      return reachableFiles(store.pool(), symbols);
    },
  };
}

/** Asks the server first and the files where it does not know; the list of services is the server's. */
export function createCompositeSource(reflection: TypeSource, files: TypeSource): TypeSource {
  return {
    listServices: () => reflection.listServices(),
    find: (symbol) => reflection.find(symbol).catch(() => files.find(symbol)),
    loadExtensions: (message) => reflection.loadExtensions(message),
    registry: () => createFileRegistry(files.registry(), reflection.registry()),
    filesOf: (symbols) => reflection.filesOf(symbols).catch(() => files.filesOf(symbols)),
  };
}

/** Only messages with extension ranges (proto2) can have any. A server that cannot tell is taken to have none. */
async function loadExtensions(
  message: DescMessage,
  asking: {
    readonly client: ReflectionClient;
    readonly load: (question: Parameters<ReflectionClient['ask']>[0]) => Promise<void>;
    readonly seen: Set<string>;
  },
): Promise<void> {
  if (asking.seen.has(message.typeName)) return;
  asking.seen.add(message.typeName);
  if (message.proto.extensionRange.length > 0) {
    const containingType = message.typeName;
    const answer = await asking.client
      .ask({ case: 'allExtensionNumbersOfType', value: containingType })
      .catch((error: unknown) => {
        if (error instanceof ReflectionError) return undefined;
        throw error;
      });
    const numbers = answer?.case === 'allExtensionNumbersResponse' ? answer.value.extensionNumber : [];
    for (const extensionNumber of numbers) {
      await asking.load({ case: 'fileContainingExtension', value: { containingType, extensionNumber } });
    }
  }
  for (const field of message.fields) if (field.message !== undefined) await loadExtensions(field.message, asking);
}

function reachableFiles(pool: DescriptorPool, symbols: readonly string[]): Uint8Array[] {
  const files = new Set<PoolFile>();
  const add = (file: PoolFile): void => {
    if (files.has(file)) return;
    file.imports.forEach(add);
    files.add(file);
  };
  for (const symbol of symbols) {
    const home = pool.symbols.get(symbol)?.[0];
    if (home === undefined) throw new SymbolNotFound(`failed to find descriptor for "${symbol}"`);
    add(home.file);
  }
  return [...files].map((file) => file.file.bytes);
}
