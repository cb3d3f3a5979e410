import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createFileRegistry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { loadSync } from '@grpc/proto-loader';
import { join } from 'node:path';
import { decodeFile, fileBytes } from '../../test/kit/descriptors.ts';
import { createDescriptorPool } from './descriptor-pool.ts';
import { mendFiles } from './mend.ts';

const kitchen = join(import.meta.dirname, '../../test/kit/kitchen');

/** The descriptors that @grpc/reflection serves: those of proto-loader. */
function protoLoaderFiles(): Uint8Array[] {
  const definition = loadSync('kitchen.proto', { includeDirs: [kitchen] });
  const files = Object.values(definition).flatMap((one): readonly Uint8Array[] => {
    const encoded: unknown = one['fileDescriptorProtos'];
    return Array.isArray(encoded) ? encoded.filter((file) => file instanceof Uint8Array) : [];
  });
  return [...new Map(files.map((file) => [decodeFile(file).name, file])).values()];
}

test('what @grpc/reflection serves has no imports, and links after mending', () => {
  const files = protoLoaderFiles();
  const served = files.map((file) => decodeFile(file));
  assert.deepEqual(
    served.flatMap((file) => file.dependency),
    [],
    'mending would not be needed any more',
  );
  const pool = createDescriptorPool([{ files }]);
  const registry = createFileRegistry(
    create(FileDescriptorSetSchema, { file: pool.files.map((file) => file.file.proto) }),
  );
  const echo = registry.getService('kitchen.v1.Kitchen')?.method['echo'];
  assert.equal(echo?.input.typeName, 'kitchen.v1.Sink');
  const types = Object.fromEntries(
    echo.input.fields.map((field) => [field.name, field.message?.typeName ?? field.enum?.typeName]),
  );
  assert.equal(types['at'], 'google.protobuf.Timestamp');
  assert.equal(types['price'], 'money.Money');
  assert.equal(types['kind'], 'kitchen.v1.Sink.Kind');
  const byName = echo.input.fields.find((field) => field.number === 13);
  assert.equal(byName?.fieldKind, 'map');
  assert.match(byName.proto.typeName, /^\.kitchen\.v1\.Sink\.\w+Entry$/);
  assert.equal(byName.jsonName, 'byName');
  assert.ok(echo.input.proto.reservedRange.every((range) => range.start < range.end));
  assert.ok(!pool.filesByName.has('google_protobuf.proto'));
  assert.ok(pool.filesByName.has('google/protobuf/timestamp.proto'));
});

test('a file that links keeps its bytes, public imports included', () => {
  const deep = fileBytes({ name: 'deep.proto', package: 'deep', messages: { D: {} } });
  const middle = decodeFile(fileBytes({ name: 'middle.proto', package: 'middle', imports: ['deep.proto'] }));
  middle.publicDependency = [0];
  const top = fileBytes({
    name: 'top.proto',
    package: 'top',
    imports: ['middle.proto'],
    messages: { T: { d: '.deep.D' } },
  });
  const middleBytes = toBinary(FileDescriptorProtoSchema, middle);
  const { files } = mendFiles([deep, middleBytes, top]);
  assert.equal(files.get('top.proto')?.bytes, top);
  assert.equal(files.get('middle.proto')?.bytes, middleBytes);
});

test('relative names are searched from the innermost scope outwards', () => {
  const file = fileBytes({
    name: 'a.proto',
    package: 'a.b',
    messages: { M: { x: 'N', y: 'b.N', z: 'c.O', w: 'nowhere.P' }, N: {} },
  });
  const other = fileBytes({ name: 'o.proto', package: 'a.c', messages: { O: {} } });
  const mended = mendFiles([file, other]).files.get('a.proto')?.proto;
  assert.deepEqual(
    mended?.messageType[0]?.field.map((field) => field.typeName),
    ['.a.b.N', '.a.b.N', '.a.c.O', 'nowhere.P'],
  );
  assert.deepEqual(mended?.dependency, ['o.proto']);
});

test('copies of well-known files are replaced by the one canonical form', () => {
  const copy = fileBytes({ name: 'google_protobuf.proto', package: 'google.protobuf', messages: { Timestamp: {} } });
  const user = fileBytes({
    name: 'u.proto',
    package: 'u',
    imports: ['google_protobuf.proto'],
    messages: { U: { at: '.google.protobuf.Timestamp' } },
  });
  const { files } = mendFiles([copy, user]);
  assert.deepEqual([...files.keys()], ['u.proto', 'google/protobuf/timestamp.proto']);
  assert.deepEqual(files.get('u.proto')?.proto.dependency, ['google/protobuf/timestamp.proto']);
  assert.equal(files.get('google/protobuf/timestamp.proto')?.proto.messageType[0]?.field.length, 2);
});
