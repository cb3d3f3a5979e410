import type { FileRegistry } from '@bufbuild/protobuf';
import type { Describable } from './describable.ts';

/** The element of that full name: a type, or a method, field, oneof or enum value. `undefined` when there is none. */
export function findElement(registry: FileRegistry, name: string): Describable | undefined {
  const found = registry.get(name);
  if (found !== undefined) return found;
  const dot = name.lastIndexOf('.');
  const [scope, last] = [name.slice(0, Math.max(0, dot)), name.slice(dot + 1)];
  const parent = registry.get(scope);
  if (parent?.kind === 'service') return parent.methods.find((method) => method.name === last);
  if (parent?.kind === 'enum') return parent.values.find((value) => value.name === last);
  if (parent?.kind === 'message') {
    const member =
      parent.fields.find((field) => field.name === last) ??
      parent.oneofs.find((oneof) => oneof.name === last) ??
      // The entry type of a map stands for the map.
      parent.fields.find(
        (field) => field.fieldKind === 'map' && field.proto.typeName.endsWith(`.${parent.name}.${last}`),
      );
    if (member !== undefined) return member;
  }
  // Enum values are siblings of their enum.
  for (const file of registry.files) {
    const enums = parent?.kind === 'message' ? parent.nestedEnums : file.proto.package === scope ? file.enums : [];
    for (const one of enums) {
      const value = one.values.find((candidate) => candidate.name === last);
      if (value !== undefined) return value;
    }
  }
  return undefined;
}
