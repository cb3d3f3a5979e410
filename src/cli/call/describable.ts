import type {
  DescEnum,
  DescEnumValue,
  DescExtension,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
} from '@bufbuild/protobuf';

/** What can be described. */
export type Describable =
  | DescService
  | DescMethod
  | DescMessage
  | DescField
  | DescExtension
  | DescOneof
  | DescEnum
  | DescEnumValue;

/** The file an element stands in. */
export function fileOf(element: Describable): DescFile {
  return 'file' in element ? element.file : fileOf(element.parent);
}
