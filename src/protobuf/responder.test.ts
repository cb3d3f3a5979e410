import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, SourceCodeInfoSchema } from '@bufbuild/protobuf/wkt';
import { decodeFile, fileBytes, question, readAnswer } from '../../test/kit/descriptors.ts';
import { kitchenFiles } from '../../test/kit/kitchen-server.ts';
import { ServerReflectionResponseSchema } from './gen/grpc/reflection/v1/reflection_pb.ts';
import { createDescriptorPool } from './descriptor-pool.ts';
import { createReflectionResponder, type ReflectionView } from './responder.ts';

const everything: ReflectionView = { allows: () => true };

const shared = fileBytes({ name: 'shared.proto', package: 'shared', messages: { Thing: {} } });
const both = fileBytes({
  name: 'both.proto',
  package: 'both',
  imports: ['shared.proto'],
  services: { Open: '.shared.Thing', Secret: '.both.Hidden' },
  messages: { Hidden: {} },
});
const secret = fileBytes({
  name: 'secret.proto',
  package: 'secret',
  services: { Vault: '.secret.Gold' },
  messages: { Gold: {} },
});
const pool = createDescriptorPool([
  { files: [shared, both, secret], services: ['both.Open', 'both.Secret', 'secret.Vault'] },
]);
const responder = createReflectionResponder(pool);
const openOnly = { allows: (service: string) => service === 'both.Open' };
const ask = (request: Parameters<typeof question>[0], view = everything): string =>
  readAnswer(responder.respond(question(request), view));

test('everything is shown to whoever may see everything', () => {
  assert.equal(ask({ case: 'listServices', value: '*' }), 'services both.Open both.Secret secret.Vault');
  assert.equal(
    ask({ case: 'fileContainingSymbol', value: 'both.Open.Do' }),
    'files both.proto[Open,Secret] shared.proto',
  );
  assert.equal(ask({ case: 'fileByFilename', value: 'shared.proto' }), 'files shared.proto');
});

test('a hidden service is cut from the list and from its file, the messages stay', () => {
  assert.equal(ask({ case: 'listServices', value: '' }, openOnly), 'services both.Open');
  assert.equal(
    ask({ case: 'fileContainingSymbol', value: 'both.Open' }, openOnly),
    'files both.proto[Open] shared.proto',
  );
  assert.equal(
    ask({ case: 'fileContainingSymbol', value: 'both.Hidden' }, openOnly),
    'files both.proto[Open] shared.proto',
  );
});

test('what is hidden is answered exactly as what does not exist', () => {
  for (const symbol of ['both.Secret', 'both.Secret.Do', 'secret.Vault', 'secret.Gold', 'no.Such']) {
    assert.equal(ask({ case: 'fileContainingSymbol', value: symbol }, openOnly), `error 5 Symbol not found: ${symbol}`);
  }
  for (const name of ['secret.proto', 'no-such.proto']) {
    assert.equal(ask({ case: 'fileByFilename', value: name }, openOnly), `error 5 File not found: ${name}`);
  }
  assert.equal(
    ask({ case: 'allExtensionNumbersOfType', value: 'secret.Gold' }, openOnly),
    'error 5 Type not found: secret.Gold',
  );
});

test('untouched files are answered byte for byte', () => {
  const answer = responder.respond(question({ case: 'fileByFilename', value: 'both.proto' }), everything);
  assert.ok(Buffer.from(answer).includes(Buffer.from(both)));
});

test('comments on a hidden service go with it, those after it move up', () => {
  const proto = decodeFile(both);
  proto.sourceCodeInfo = create(SourceCodeInfoSchema, {
    location: [
      { path: [6, 0], leadingComments: 'open' },
      { path: [6, 1], leadingComments: 'secret' },
      { path: [6, 1, 2, 0], leadingComments: 'secret method' },
    ],
  });
  const source = {
    files: [shared, toBinary(FileDescriptorProtoSchema, proto)],
    services: ['both.Open', 'both.Secret'],
  };
  const commented = createReflectionResponder(createDescriptorPool([source]));
  const secretOnly = { allows: (service: string) => service === 'both.Secret' };
  const answer = commented.respond(question({ case: 'fileContainingSymbol', value: 'both.Secret' }), secretOnly);
  const { messageResponse } = fromBinary(ServerReflectionResponseSchema, answer);
  assert.equal(messageResponse.case, 'fileDescriptorResponse');
  const [first = new Uint8Array()] = messageResponse.value.fileDescriptorProto;
  const locations = decodeFile(first).sourceCodeInfo?.location ?? [];
  assert.deepEqual(
    locations.map((location) => [location.path.join('.'), location.leadingComments]),
    [
      ['6.0', 'secret'],
      ['6.0.2.0', 'secret method'],
    ],
  );
});

test('extensions of a visible type are found by number', () => {
  const kitchen = createReflectionResponder(createDescriptorPool([{ files: kitchenFiles() }]));
  const kitchenAsk = (request: Parameters<typeof question>[0]): string =>
    readAnswer(kitchen.respond(question(request), everything));
  assert.equal(kitchenAsk({ case: 'allExtensionNumbersOfType', value: 'legacy.Old' }), 'extensions of legacy.Old: 100');
  assert.equal(
    kitchenAsk({ case: 'fileContainingExtension', value: { containingType: 'legacy.Old', extensionNumber: 100 } }),
    'files legacy.proto[Attic]',
  );
  assert.equal(
    kitchenAsk({ case: 'fileContainingExtension', value: { containingType: 'legacy.Old', extensionNumber: 101 } }),
    'error 5 Extension not found: legacy.Old number 101',
  );
});

test('a request that is none gets an error answer', () => {
  assert.match(readAnswer(responder.respond(Uint8Array.of(0xff), everything)), /^error 3 malformed request/);
  assert.equal(
    readAnswer(responder.respond(new Uint8Array(), everything)),
    'error 3 the request asks for nothing that this server knows',
  );
});
