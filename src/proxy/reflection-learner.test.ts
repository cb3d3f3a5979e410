import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import * as wellKnown from '@bufbuild/protobuf/wkt';
import { decodeFile, fileBytes } from '../../test/kit/descriptors.ts';
import { kitchenFiles } from '../../test/kit/kitchen-server.ts';
import {
  createDescriptorPool,
  createReflectionResponder,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../protobuf/index.ts';
import { createDescriptorLearner, type DescriptorLearner } from './reflection-learner.ts';
import type { learnerLimits } from './reflection-limits.ts';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

function response(messageResponse: Answer): Uint8Array {
  return toBinary(ServerReflectionResponseSchema, create(ServerReflectionResponseSchema, { messageResponse }));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Drives a learner to its end; answers the questions it asked. */
function drive(learner: DescriptorLearner, respond: (request: Uint8Array) => Uint8Array): string[] {
  const asked: string[] = [];
  for (let request = learner.next(); request !== undefined; request = learner.next()) {
    const { case: kind, value } = fromBinary(ServerReflectionRequestSchema, request).messageRequest;
    asked.push(`${kind} ${text(value)}`);
    assert.equal(learner.next(), undefined, 'one question at a time');
    assert.equal(learner.isDone, false);
    learner.receive(respond(request));
  }
  assert.equal(learner.isDone, true);
  return asked;
}

test('a learner ends up with what the responder serves', () => {
  const files = kitchenFiles();
  const responder = createReflectionResponder(createDescriptorPool([{ files }]));
  const learner = createDescriptorLearner();
  const asked = drive(learner, (request) => responder.respond(request, { allows: () => true }));
  assert.deepEqual(asked, [
    'listServices *',
    'fileContainingSymbol kitchen.v1.Kitchen',
    'fileContainingSymbol kitchen.v1.Pantry',
    'fileContainingSymbol legacy.Attic',
  ]);
  const learned = learner.result();
  assert.deepEqual(learned.services, ['kitchen.v1.Kitchen', 'kitchen.v1.Pantry', 'legacy.Attic']);
  assert.deepEqual(learned.problems, []);
  const names = learned.files.map((file) => decodeFile(file).name);
  assert.deepEqual(names.toSorted(), files.map((file) => decodeFile(file).name).toSorted());
});

/** A server that gives one file per answer, as the specification allows. */
function oneFileServer(files: Readonly<Record<string, Uint8Array>>, services: Readonly<Record<string, string>>) {
  return (request: Uint8Array): Uint8Array => {
    const { case: kind, value } = fromBinary(ServerReflectionRequestSchema, request).messageRequest;
    if (kind === 'listServices') {
      const service = Object.keys(services).map((name) => ({ name }));
      return response({ case: 'listServicesResponse', value: { service } });
    }
    const found = files[kind === 'fileContainingSymbol' ? (services[value] ?? '') : text(value)];
    return found === undefined
      ? response({ case: 'errorResponse', value: { errorCode: 5, errorMessage: `no ${text(value)}` } })
      : response({ case: 'fileDescriptorResponse', value: { fileDescriptorProto: [found] } });
  };
}

test('imports that did not come along are asked for by name, well-known ones are not', () => {
  const a = fileBytes({
    name: 'a.proto',
    package: 'a',
    imports: ['b.proto', 'google/protobuf/any.proto'],
    services: { S: '.b.B' },
  });
  const b = fileBytes({ name: 'b.proto', package: 'b', imports: ['missing.proto'], messages: { B: {} } });
  const learner = createDescriptorLearner();
  const asked = drive(learner, oneFileServer({ 'a.proto': a, 'b.proto': b }, { 'a.S': 'a.proto', 'a.Gone': '' }));
  assert.deepEqual(asked, [
    'listServices *',
    'fileContainingSymbol a.S',
    'fileContainingSymbol a.Gone',
    'fileByFilename b.proto',
    'fileByFilename missing.proto',
  ]);
  const learned = learner.result();
  assert.deepEqual(
    learned.files.map((file) => decodeFile(file).name),
    ['a.proto', 'b.proto'],
  );
  assert.deepEqual(learned.problems, ['error 5: no a.Gone', 'error 5: no missing.proto']);
});

function importing(name: string, imports: readonly string[]): Uint8Array {
  return fileBytes({ name, package: 'p', imports, services: { S: '.p.M' } });
}

test('maxFiles, maxBytes, maxServices and maxNameLength: learning stops one past them and keeps what it has', () => {
  const files = {
    'a.proto': importing('a.proto', ['b.proto']),
    'b.proto': importing('b.proto', ['c.proto']),
    'c.proto': importing('c.proto', []),
  };
  const learn = (limits: Partial<Record<keyof typeof learnerLimits, number>>) => {
    const learner = createDescriptorLearner(limits);
    drive(learner, oneFileServer(files, { 'p.S': 'a.proto', 'p.T': 'b.proto' }));
    const { files: learned, services, problems } = learner.result();
    return { files: learned.length, services: services.length, problems };
  };
  const bytes = Object.values(files).reduce((sum, file) => sum + file.byteLength, 0);
  const exactly = { maxFiles: 3, maxBytes: bytes, maxServices: 2, maxNameLength: 'b.proto'.length };
  assert.deepEqual(learn(exactly), { files: 3, services: 2, problems: [] });
  assert.deepEqual(learn({ maxBytes: bytes - 1 }), {
    files: 2,
    services: 2,
    problems: [`descriptors are larger than ${bytes - 1} bytes`],
  });
  assert.deepEqual(learn({ maxFiles: 2 }), { files: 2, services: 2, problems: ['more than 2 files'] });
  const size = files['a.proto'].byteLength;
  assert.deepEqual(learn({ maxBytes: size }), {
    files: 1,
    services: 2,
    problems: [`descriptors are larger than ${size} bytes`],
  });
  assert.deepEqual(learn({ maxServices: 1 }), {
    files: 3,
    services: 1,
    problems: ['more than 1 services; the rest is left out'],
  });
  const short = learn({ maxNameLength: 6 });
  assert.deepEqual([short.files, short.problems[0]], [2, 'the name "b.proto"… is longer than 6']);
});

test('an answer that is none ends the learning', () => {
  for (const junk of [
    Uint8Array.of(0xff),
    response({ case: 'fileDescriptorResponse', value: { fileDescriptorProto: [Uint8Array.of(0xff)] } }),
  ]) {
    const learner = createDescriptorLearner();
    assert.deepEqual(
      drive(learner, () => junk),
      ['listServices *'],
    );
    assert.match(learner.result().problems.join(), /^not a reflection answer/);
  }
});

test('an answer to another question is a problem, not the end', () => {
  const learner = createDescriptorLearner();
  const other = response({ case: 'allExtensionNumbersResponse', value: {} });
  drive(learner, () => other);
  assert.deepEqual(learner.result(), { files: [], services: [], problems: ['an answer to something else'] });
});

test('not asked for is exactly what a pool has by itself', () => {
  const names = Object.values(wellKnown).flatMap((one) =>
    typeof one === 'object' && 'kind' in one && one.kind === 'file' ? [one.proto.name] : [],
  );
  assert.ok(names.includes('google/protobuf/timestamp.proto') && names.length > 11);
  for (const name of names) {
    const file = importing('a.proto', [name]);
    const asked = drive(createDescriptorLearner(), oneFileServer({ 'a.proto': file }, { 'p.S': 'a.proto' }));
    const isKnown = createDescriptorPool([{ files: [file] }]).filesByName.has(name);
    assert.equal(asked.includes(`fileByFilename ${name}`), !isKnown, name);
  }
});
