/** Small file descriptors for tests of reflection. */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionResponse,
} from '../../src/protobuf/index.ts';

export interface TestFile {
  readonly name: string;
  readonly package: string;
  readonly imports?: readonly string[];
  /** Service name → full name of the type its one method takes and returns. */
  readonly services?: Readonly<Record<string, string>>;
  /** Message name → field name → type name. */
  readonly messages?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The bytes of a proto3 file. Type names are used as they are given. */
export function fileBytes(file: TestFile): Uint8Array {
  const init: MessageInitShape<typeof FileDescriptorProtoSchema> = {
    name: file.name,
    package: file.package,
    syntax: 'proto3',
    dependency: [...(file.imports ?? [])],
    service: Object.entries(file.services ?? {}).map(([name, type]) => ({
      name,
      method: [{ name: 'Do', inputType: type, outputType: type }],
    })),
    messageType: Object.entries(file.messages ?? {}).map(([name, fields]) => ({
      name,
      field: Object.entries(fields).map(([field, typeName], index) => ({
        name: field,
        jsonName: field,
        number: index + 1,
        label: FieldDescriptorProto_Label.OPTIONAL,
        type: FieldDescriptorProto_Type.MESSAGE,
        typeName,
      })),
    })),
  };
  return toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, init));
}

export function decodeFile(bytes: Uint8Array): FileDescriptorProto {
  return fromBinary(FileDescriptorProtoSchema, bytes);
}

/** A reflection request. */
export function question(
  messageRequest: NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']>,
): Uint8Array {
  const request = create(ServerReflectionRequestSchema, { host: 'h', messageRequest });
  return toBinary(ServerReflectionRequestSchema, request);
}

/** What a response says, with files as `name` or `name[Service,…]`. */
export function readAnswer(bytes: Uint8Array): string {
  const { messageResponse }: ServerReflectionResponse = fromBinary(ServerReflectionResponseSchema, bytes);
  switch (messageResponse.case) {
    case 'listServicesResponse':
      return `services ${messageResponse.value.service.map((service) => service.name).join(' ')}`;
    case 'fileDescriptorResponse': {
      const files = messageResponse.value.fileDescriptorProto.map(decodeFile);
      return `files ${files.map((file) => file.name + servicesOf(file)).join(' ')}`;
    }
    case 'allExtensionNumbersResponse':
      return `extensions of ${messageResponse.value.baseTypeName}: ${messageResponse.value.extensionNumber.join(' ')}`;
    case 'errorResponse':
      return `error ${messageResponse.value.errorCode} ${messageResponse.value.errorMessage}`;
    case undefined:
    default:
      return 'nothing';
  }
}

function servicesOf(file: FileDescriptorProto): string {
  return file.service.length === 0 ? '' : `[${file.service.map((service) => service.name).join(',')}]`;
}
