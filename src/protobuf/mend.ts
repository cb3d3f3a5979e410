import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { decodeDescriptorFile, encodeDescriptorFile, type DescriptorFile } from './descriptor-file.ts';
import { forEachDefinition, forEachMessage, replaceReferences, withoutDot } from './symbols.ts';
import { wellKnownFiles, wellKnownTypes } from './well-known.ts';

/** The files of one workload by name, fit to be linked, and what was not. */
export interface MendedFiles {
  readonly files: ReadonlyMap<string, DescriptorFile>;
  readonly problems: readonly string[];
}

/**
 * Makes one workload's descriptors linkable. Needed because `@grpc/reflection` serves files without their `dependency`
 * list, with relative type names, and with all of a package in one file (grpc-node issue 2595), which other clients
 * refuse as soon as a service uses `google.protobuf.Timestamp`. References become absolute, missing imports are added,
 * well-known files are replaced by their one canonical form. A file that needs none of this keeps its bytes.
 */
export function mendFiles(encodedFiles: readonly Uint8Array[]): MendedFiles {
  const problems: string[] = [];
  const files = new Map<string, DescriptorFile>();
  const dropped = new Map<string, FileDescriptorProto>();
  for (const encoded of encodedFiles) {
    try {
      const file = decodeDescriptorFile(encoded);
      if (isWellKnownCopy(file.proto)) dropped.set(file.proto.name, file.proto);
      else if (!files.has(file.proto.name)) files.set(file.proto.name, file);
    } catch (error) {
      problems.push(`not a file descriptor: ${String(error)}`);
    }
  }
  const homes = new Map(wellKnownTypes);
  for (const [fileName, file] of files) {
    forEachDefinition(file.proto, (name, kind) => {
      if (kind === 'type' && !homes.has(name)) homes.set(name, fileName);
    });
  }
  for (const [fileName, file] of files) {
    const mended = mendFile(file, { files, homes, dropped });
    if (mended !== file) files.set(fileName, mended);
  }
  const needed = neededWellKnown(files, dropped.values());
  for (const [fileName, file] of wellKnownFiles) if (needed.has(fileName)) files.set(fileName, file);
  return { files, problems };
}

/** Sets the imports of a file, keeping its marks for public and weak ones. */
export function setDependencies(proto: FileDescriptorProto, names: readonly string[], oldNames = names): void {
  const remap = (indexes: readonly number[]): number[] =>
    indexes.map((index) => oldNames.indexOf(proto.dependency[index] ?? '')).filter((index) => index >= 0);
  proto.publicDependency = remap(proto.publicDependency);
  proto.weakDependency = remap(proto.weakDependency);
  proto.dependency = [...names];
}

interface Workload {
  readonly files: ReadonlyMap<string, DescriptorFile>;
  /** Full name of each type → name of the file that defines it. */
  readonly homes: ReadonlyMap<string, string>;
  /** Files that were copies of well-known ones, by the name they came under. */
  readonly dropped: ReadonlyMap<string, FileDescriptorProto>;
}

function mendFile(file: DescriptorFile, workload: Workload): DescriptorFile {
  const { proto } = file;
  const imports = proto.dependency.filter((name) => wellKnownFiles.has(name) || !workload.dropped.has(name));
  const reachable = new Set([proto.name, ...publicClosure(imports, workload)]);
  const isMessageMended = mendMessages(proto);
  let isChanged = isMessageMended || imports.length !== proto.dependency.length;
  replaceReferences(proto, (reference, scope) => {
    const name = resolve(reference, { scope, homes: workload.homes });
    const home = workload.homes.get(name);
    if (home === undefined) return reference;
    if (!reachable.has(home)) {
      reachable.add(home);
      imports.push(home);
      isChanged = true;
    }
    if (reference !== `.${name}`) isChanged = true;
    return `.${name}`;
  });
  if (!isChanged) return file;
  setDependencies(proto, imports);
  return encodeDescriptorFile(proto);
}

/**
 * Undoes what protobufjs does to messages: it takes the end of a reserved range for inclusive, so that a range of one is
 * empty, which linkers refuse; it names the entry type of a map after the field alone; and it leaves JSON names out.
 */
function mendMessages(proto: FileDescriptorProto): boolean {
  let isChanged = false;
  forEachMessage(proto, (message, name) => {
    const ranges = message.reservedRange.filter((range) => range.start < range.end);
    if (ranges.length !== message.reservedRange.length) {
      message.reservedRange = ranges;
      isChanged = true;
    }
    for (const field of message.field) {
      if (field.jsonName !== '') continue;
      field.jsonName = protoJsonName(field.name);
      isChanged = true;
    }
    for (const entry of message.nestedType) {
      const field = message.field.find((one) => lastPart(one.typeName) === entry.name);
      if (entry.options?.mapEntry !== true || field === undefined) continue;
      const entryName = mapEntryName(field.name);
      if (entry.name === entryName) continue;
      entry.name = entryName;
      field.typeName = `.${name}.${entryName}`;
      isChanged = true;
    }
  });
  return isChanged;
}

/** protoc's rule: `by_name` → `byName`. */
function protoJsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** protoc's rule: `by_name` → `ByNameEntry`. */
function mapEntryName(field: string): string {
  return `${field.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
}

/** A relative name is searched from the innermost scope outwards, as protoc does. */
function resolve(reference: string, options: { scope: string; homes: ReadonlyMap<string, string> }): string {
  if (reference.startsWith('.')) return withoutDot(reference);
  for (let { scope } = options; scope !== ''; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
    if (options.homes.has(`${scope}.${reference}`)) return `${scope}.${reference}`;
  }
  return reference;
}

/** What a file sees through these imports: the files themselves, and what they import publicly. */
function publicClosure(imports: readonly string[], workload: Workload): Set<string> {
  const seen = new Set(imports);
  for (const name of seen) {
    const proto = workload.files.get(name)?.proto;
    for (const index of proto?.publicDependency ?? []) seen.add(proto?.dependency[index] ?? '');
  }
  return seen;
}

/** A file of `google.protobuf` that holds nothing but well-known types, under whatever name. */
function isWellKnownCopy(proto: FileDescriptorProto): boolean {
  if (wellKnownFiles.has(proto.name)) return true;
  if (proto.package !== 'google.protobuf') return false;
  // Only the outermost types count: grpc-js has its own names for the entry types of maps within.
  const types = [...proto.messageType, ...proto.enumType];
  return (
    types.every((type) => wellKnownTypes.has(`google.protobuf.${type.name}`)) &&
    proto.service.length === 0 &&
    proto.extension.length === 0
  );
}

/** The well-known files that these import, directly or through one another, and those that replace dropped ones. */
function neededWellKnown(
  files: ReadonlyMap<string, DescriptorFile>,
  dropped: Iterable<FileDescriptorProto>,
): Set<string> {
  const names = new Set<string>();
  for (const { proto } of files.values()) proto.dependency.forEach((name) => names.add(name));
  for (const proto of dropped) forEachDefinition(proto, (name) => names.add(wellKnownTypes.get(name) ?? proto.name));
  for (const name of names) wellKnownFiles.get(name)?.proto.dependency.forEach((dependency) => names.add(dependency));
  return names;
}
