import type { DescFile } from '@bufbuild/protobuf';
import type { Describable } from './describable.ts';

/**
 * The comment before an element as `//` lines. Descriptors have them when they were built with source info, as
 * `buf build` does; what servers reflect rarely has.
 */
export function leadingComment(element: Describable, file: DescFile): string[] {
  const { sourceCodeInfo } = file.proto;
  if (sourceCodeInfo === undefined) return [];
  const path = pathOf(element).join('.');
  const location = sourceCodeInfo.location.find((one) => one.path.join('.') === path);
  const lines = (location?.leadingComments ?? '').split('\n');
  if (lines[0] === '') lines.shift();
  if (lines.at(-1) === '') lines.pop();
  return lines.map((text) => `//${text === '' || text.startsWith(' ') ? '' : ' '}${text.replace(/[ \t]+$/, '')}`);
}

/** The element's path in its file: field numbers of descriptor.proto and indexes, in turn. */
function pathOf(element: Describable): number[] {
  switch (element.kind) {
    case 'service':
      return [6, element.file.proto.service.indexOf(element.proto)];
    case 'rpc':
      return [...pathOf(element.parent), 2, element.parent.proto.method.indexOf(element.proto)];
    case 'message':
      return element.parent === undefined
        ? [4, element.file.proto.messageType.indexOf(element.proto)]
        : [...pathOf(element.parent), 3, element.parent.proto.nestedType.indexOf(element.proto)];
    case 'field':
      return [...pathOf(element.parent), 2, element.parent.proto.field.indexOf(element.proto)];
    case 'extension':
      return element.parent === undefined
        ? [7, element.file.proto.extension.indexOf(element.proto)]
        : [...pathOf(element.parent), 6, element.parent.proto.extension.indexOf(element.proto)];
    case 'oneof':
      return [...pathOf(element.parent), 8, element.parent.proto.oneofDecl.indexOf(element.proto)];
    case 'enum':
      return element.parent === undefined
        ? [5, element.file.proto.enumType.indexOf(element.proto)]
        : [...pathOf(element.parent), 4, element.parent.proto.enumType.indexOf(element.proto)];
    case 'enum_value':
      return [...pathOf(element.parent), 2, element.parent.proto.value.indexOf(element.proto)];
  }
}
