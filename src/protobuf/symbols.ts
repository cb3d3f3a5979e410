import type { DescriptorProto, FieldDescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/** What a name in a file stands for, as far as reflection cares. */
export type SymbolKind = 'service' | 'method' | 'type' | 'member' | 'extension';

/**
 * Calls `visit` with the full name (no leading dot) of everything a file defines: services, methods, messages, enums,
 * enum values, fields, oneofs and extensions. Enum values are siblings of their enum, as in C++ scoping.
 */
export function forEachDefinition(file: FileDescriptorProto, visit: (name: string, kind: SymbolKind) => void): void {
  const scope = scopeOf(file);
  for (const service of file.service) {
    visit(scope + service.name, 'service');
    for (const method of service.method) visit(`${scope}${service.name}.${method.name}`, 'method');
  }
  for (const enumeration of file.enumType) {
    visit(scope + enumeration.name, 'type');
    for (const value of enumeration.value) visit(scope + value.name, 'member');
  }
  for (const extension of file.extension) visit(scope + extension.name, 'extension');
  forEachMessage(file, (message, name) => {
    visit(name, 'type');
    for (const field of message.field) visit(`${name}.${field.name}`, 'member');
    for (const oneof of message.oneofDecl) visit(`${name}.${oneof.name}`, 'member');
    for (const extension of message.extension) visit(`${name}.${extension.name}`, 'extension');
    for (const enumeration of message.enumType) {
      visit(`${name}.${enumeration.name}`, 'type');
      for (const value of enumeration.value) visit(`${name}.${value.name}`, 'member');
    }
  });
}

/**
 * Replaces every reference to a type in the file by what `replace` answers. `scope` is the full name of the innermost
 * element around the reference, from which a name without leading dot is searched outwards.
 */
export function replaceReferences(
  file: FileDescriptorProto,
  replace: (reference: string, scope: string) => string,
): void {
  const replaceInField = (field: FieldDescriptorProto, scope: string): void => {
    if (field.typeName !== '') field.typeName = replace(field.typeName, scope);
    if (field.extendee !== '') field.extendee = replace(field.extendee, scope);
  };
  for (const service of file.service) {
    for (const method of service.method) {
      const scope = `${scopeOf(file)}${service.name}`;
      method.inputType = replace(method.inputType, scope);
      method.outputType = replace(method.outputType, scope);
    }
  }
  for (const extension of file.extension) replaceInField(extension, file.package);
  forEachMessage(file, (message, name) => {
    for (const field of message.field) replaceInField(field, name);
    for (const extension of message.extension) replaceInField(extension, name);
  });
}

/** Every extension the file declares, with the full name of the message it extends. */
export function forEachExtension(
  file: FileDescriptorProto,
  visit: (extension: { readonly extendee: string; readonly number: number }) => void,
): void {
  const report = (field: FieldDescriptorProto): void =>
    visit({ extendee: withoutDot(field.extendee), number: field.number });
  file.extension.forEach(report);
  forEachMessage(file, (message) => message.extension.forEach(report));
}

/** `.a.B` → `a.B`. */
export function withoutDot(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name;
}

/** The file's package with a dot after it, or nothing. */
export function scopeOf(file: FileDescriptorProto): string {
  return file.package === '' ? '' : `${file.package}.`;
}

/** Calls `visit` for every message with its full name, outer ones first. */
export function forEachMessage(
  file: FileDescriptorProto,
  visit: (message: DescriptorProto, name: string) => void,
): void {
  const walk = (messages: readonly DescriptorProto[], scope: string): void => {
    for (const message of messages) {
      const name = scope + message.name;
      visit(message, name);
      walk(message.nestedType, `${name}.`);
    }
  };
  walk(file.messageType, scopeOf(file));
}
