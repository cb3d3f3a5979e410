import { compareText } from '../base/index.ts';
import { decodeDescriptorFile, encodeDescriptorFile, type DescriptorFile } from './descriptor-file.ts';
import { mendFiles, setDependencies } from './mend.ts';
import { forEachDefinition, forEachExtension, scopeOf } from './symbols.ts';

/** What one workload serves, as learned by a `DescriptorLearner` or read from a descriptor set. */
export interface DescriptorSource {
  /** FileDescriptorProto bytes. */
  readonly files: readonly Uint8Array[];
  /** Full names of the services it really serves; a file may define more. Default: all that the files define. */
  readonly services?: readonly string[];
}

/** One file of the merged world. */
export interface PoolFile {
  /** Unique in the pool; differs from the workload's own name where two workloads had different files of that name. */
  readonly name: string;
  readonly file: DescriptorFile;
  /** The services this file is the authority for, in the order of the file. */
  readonly services: readonly string[];
  /** Imports that are in the pool. */
  readonly imports: readonly PoolFile[];
  /** The services from whose file this one is reached; who may see one of them may see this file. */
  readonly reachedFrom: ReadonlySet<string>;
}

/** A place where a name is defined. */
export interface SymbolHome {
  readonly file: PoolFile;
  /** The service, when the name is that of a service or of one of its methods. */
  readonly service: string | undefined;
}

/** Descriptors of several workloads merged into one consistent set of files. Immutable. */
export interface DescriptorPool {
  /** Sorted full names of all services that some source serves, also those without a file. */
  readonly services: readonly string[];
  /** Imports stand before the files that import them. */
  readonly files: readonly PoolFile[];
  readonly filesByName: ReadonlyMap<string, PoolFile>;
  /** All homes of a full name (no leading dot), the preferred one first. */
  readonly symbols: ReadonlyMap<string, readonly SymbolHome[]>;
  /** Full name of a message → the extensions of it. */
  readonly extensions: ReadonlyMap<string, readonly { readonly number: number; readonly file: PoolFile }[]>;
  /** What had to be left out, for the log. */
  readonly problems: readonly string[];
}

/** One content of a file name. Two workloads share it when the file and everything it imports are equal. */
interface Variant {
  readonly id: number;
  readonly originalName: string;
  readonly file: DescriptorFile;
  readonly imports: readonly Variant[];
  readonly services: string[];
  name: string;
}

/**
 * Merges the descriptors of several workloads.
 *
 * - A service belongs to the first source that serves it and has its file; other files lose their copy of it.
 * - Equal files are kept once. Where one name has several contents, the file that owns a service keeps the name, else
 *   the first; the others become `name~2.proto` and the imports of their dependents follow, so that each service
 *   keeps exactly the types it was built with.
 * - An import that nobody has is tolerated: it stays in the import list and is answered with NOT_FOUND.
 */
export function createDescriptorPool(sources: readonly DescriptorSource[]): DescriptorPool {
  const variants = new Map<string, Variant>();
  const owned = new Set<string>();
  const services = new Set<string>();
  const problems: string[] = [];
  for (const source of sources) {
    const mended = mendFiles(source.files);
    problems.push(...mended.problems);
    const served = new Set(source.services ?? definedServices(mended.files));
    served.forEach((name) => services.add(name));
    for (const variant of addSource(mended.files, variants)) claimServices(variant, { served, owned });
  }
  nameVariants([...variants.values()]);
  const files = linkFiles([...variants.values()]);
  return {
    services: [...services].sort(compareText),
    files,
    filesByName: new Map(files.map((file) => [file.name, file])),
    symbols: indexSymbols(files),
    extensions: indexExtensions(files),
    problems,
  };
}

function definedServices(files: ReadonlyMap<string, DescriptorFile>): string[] {
  return [...files.values()].flatMap(({ proto }) => proto.service.map((service) => scopeOf(proto) + service.name));
}

/** Adds a source's files to `variants`, keyed by content and imports; answers the variants of this source. */
function addSource(files: ReadonlyMap<string, DescriptorFile>, variants: Map<string, Variant>): Variant[] {
  const done = new Map<string, Variant>();
  const open = new Set<string>();
  const add = (name: string): Variant | undefined => {
    const file = files.get(name);
    const known = done.get(name);
    // An import circle is not valid Protobuf; the import that closes it counts as missing.
    if (known !== undefined || file === undefined || open.has(name)) return known;
    open.add(name);
    const imports = file.proto.dependency.flatMap((dependency) => add(dependency) ?? []);
    const content = `${Buffer.from(file.bytes).toString('latin1')} ${imports.map((one) => one.id).join(' ')}`;
    const variant = variants.get(content) ?? {
      id: variants.size,
      originalName: name,
      file,
      imports,
      services: [],
      name,
    };
    variants.set(content, variant);
    done.set(name, variant);
    return variant;
  };
  for (const name of files.keys()) add(name);
  return [...done.values()];
}

function claimServices(
  variant: Variant,
  claim: { readonly served: ReadonlySet<string>; readonly owned: Set<string> },
): void {
  const { proto } = variant.file;
  for (const service of proto.service) {
    const name = scopeOf(proto) + service.name;
    if (!claim.served.has(name) || claim.owned.has(name)) continue;
    claim.owned.add(name);
    variant.services.push(name);
  }
}

function nameVariants(variants: readonly Variant[]): void {
  const taken = new Set(variants.map((variant) => variant.originalName));
  const byName = Map.groupBy(variants, (variant) => variant.originalName);
  for (const [name, rivals] of byName) {
    const [, ...others] = rivals.toSorted((a, b) => Math.sign(b.services.length) - Math.sign(a.services.length));
    for (const other of others) {
      let number = 2;
      do {
        other.name = `${name.replace(/\.proto$/, '')}~${number}.proto`;
        number += 1;
      } while (taken.has(other.name));
      taken.add(other.name);
    }
  }
}

/** Variants come with imports first, so each import is linked before it is needed. */
function linkFiles(variants: readonly Variant[]): PoolFile[] {
  const linked = new Map<Variant, PoolFile>();
  const reached = new Map(variants.map((variant) => [variant, new Set(variant.services)]));
  for (const variant of variants.toReversed()) {
    const services = reached.get(variant) ?? [];
    for (const one of variant.imports) services.forEach((service) => reached.get(one)?.add(service));
  }
  for (const variant of variants) {
    linked.set(variant, {
      name: variant.name,
      file: finishFile(variant),
      services: variant.services,
      imports: variant.imports.flatMap((one) => linked.get(one) ?? []),
      reachedFrom: reached.get(variant) ?? new Set(),
    });
  }
  return [...linked.values()];
}

/** Applies renames, and cuts services that belong to another file; without any the bytes stay as they came. */
function finishFile(variant: Variant): DescriptorFile {
  const { proto } = variant.file;
  const newNames = new Map(variant.imports.map((one) => [one.originalName, one.name]));
  const imports = proto.dependency.map((name) => newNames.get(name) ?? name);
  const isRenamed = variant.name !== proto.name || imports.some((name, index) => name !== proto.dependency[index]);
  const file =
    variant.services.length === proto.service.length
      ? variant.file
      : keepServices(variant.file, new Set(variant.services));
  if (!isRenamed) return file;
  const renamed = decodeDescriptorFile(file.bytes).proto;
  renamed.name = variant.name;
  setDependencies(renamed, imports, renamed.dependency);
  return encodeDescriptorFile(renamed);
}

/** Field number of `service` in FileDescriptorProto, the first element of a source location's path. */
const serviceField = 6;

/** The file without all other services, and without the comments on them. Messages stay. */
export function keepServices(file: DescriptorFile, kept: ReadonlySet<string>): DescriptorFile {
  const { proto } = decodeDescriptorFile(file.bytes);
  const newIndexes = new Map<number, number>();
  proto.service = proto.service.filter((service, index) => {
    if (!kept.has(scopeOf(proto) + service.name)) return false;
    newIndexes.set(index, newIndexes.size);
    return true;
  });
  if (proto.sourceCodeInfo !== undefined) {
    proto.sourceCodeInfo.location = proto.sourceCodeInfo.location.filter((location) => {
      const [field, index] = location.path;
      if (field !== serviceField || index === undefined) return true;
      const newIndex = newIndexes.get(index);
      if (newIndex === undefined) return false;
      location.path[1] = newIndex;
      return true;
    });
  }
  return encodeDescriptorFile(proto);
}

function indexSymbols(files: readonly PoolFile[]): Map<string, SymbolHome[]> {
  const symbols = new Map<string, SymbolHome[]>();
  // Files that own services first: they are the authority for the types beside them.
  for (const file of files.toSorted((a, b) => Math.sign(b.services.length) - Math.sign(a.services.length))) {
    let service: string | undefined;
    forEachDefinition(file.file.proto, (name, kind) => {
      if (kind === 'service') service = name;
      const home = { file, service: kind === 'service' || kind === 'method' ? service : undefined };
      const homes = symbols.get(name);
      if (homes === undefined) symbols.set(name, [home]);
      else homes.push(home);
    });
  }
  return symbols;
}

function indexExtensions(files: readonly PoolFile[]): Map<string, { number: number; file: PoolFile }[]> {
  const extensions = new Map<string, { number: number; file: PoolFile }[]>();
  for (const file of files) {
    forEachExtension(file.file.proto, ({ extendee, number }) => {
      const known = extensions.get(extendee);
      if (known === undefined) extensions.set(extendee, [{ number, file }]);
      else known.push({ number, file });
    });
  }
  return extensions;
}
