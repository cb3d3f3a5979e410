import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeFile, fileBytes } from '../../test/kit/descriptors.ts';
import { createDescriptorPool, type DescriptorPool } from './descriptor-pool.ts';

function names(items: readonly { readonly name: string }[]): string {
  return items.map((item) => item.name).join(' ');
}

/** `name imports… : Messages… [Services…]` of each file. */
function shape(pool: DescriptorPool): string[] {
  return pool.files.map(({ file: { proto } }) => {
    return [proto.name, ...proto.dependency, ':', names(proto.messageType), `[${names(proto.service)}]`].join(' ');
  });
}

test('equal files of two workloads are kept once, byte for byte', () => {
  const common = fileBytes({ name: 'common.proto', package: 'common', messages: { Money: {} } });
  const a = fileBytes({ name: 'a.proto', package: 'a', imports: ['common.proto'], services: { A: '.common.Money' } });
  const b = fileBytes({ name: 'b.proto', package: 'b', imports: ['common.proto'], services: { B: '.common.Money' } });
  const pool = createDescriptorPool([
    { files: [a, common], services: ['a.A'] },
    { files: [b, common], services: ['b.B'] },
  ]);
  assert.deepEqual(shape(pool), [
    'common.proto : Money []',
    'a.proto common.proto :  [A]',
    'b.proto common.proto :  [B]',
  ]);
  assert.deepEqual(pool.services, ['a.A', 'b.B']);
  assert.equal(pool.filesByName.get('a.proto')?.file.bytes, a);
});

test('one name with two contents: both live, each service keeps its own types', () => {
  const old = fileBytes({ name: 'common.proto', package: 'common', messages: { Money: {} } });
  const recent = fileBytes({ name: 'common.proto', package: 'common', messages: { Money: {}, Rate: {} } });
  const a = fileBytes({ name: 'a.proto', package: 'a', imports: ['common.proto'], services: { A: '.common.Money' } });
  const b = fileBytes({ name: 'b.proto', package: 'b', imports: ['common.proto'], services: { B: '.common.Rate' } });
  const pool = createDescriptorPool([
    { files: [a, old], services: ['a.A'] },
    { files: [b, recent], services: ['b.B'] },
  ]);
  assert.deepEqual(shape(pool), [
    'common.proto : Money []',
    'a.proto common.proto :  [A]',
    'common~2.proto : Money Rate []',
    'b.proto common~2.proto :  [B]',
  ]);
});

function base(message: string): Uint8Array {
  return fileBytes({ name: 'base.proto', package: 'base', messages: { B: {}, [message]: {} } });
}

function service(name: string): Uint8Array {
  return fileBytes({ name: `${name}.proto`, package: name, imports: ['m.proto'], services: { S: '.m.M' } });
}

test('files that differ only by what they import are told apart', () => {
  const middle = fileBytes({
    name: 'm.proto',
    package: 'm',
    imports: ['base.proto'],
    messages: { M: { b: '.base.B' } },
  });
  const pool = createDescriptorPool([
    { files: [service('x'), middle, base('One')], services: ['x.S'] },
    { files: [service('y'), middle, base('Two')], services: ['y.S'] },
  ]);
  assert.deepEqual(shape(pool), [
    'base.proto : B One []',
    'm.proto base.proto : M []',
    'x.proto m.proto :  [S]',
    'base~2.proto : B Two []',
    'm~2.proto base~2.proto : M []',
    'y.proto m~2.proto :  [S]',
  ]);
});

test('a service belongs to the first that serves it; the copy of a mere client loses it', () => {
  const client = fileBytes({ name: 's.proto', package: 's', services: { S: '.s.M' }, messages: { M: {}, Client: {} } });
  const server = fileBytes({ name: 's.proto', package: 's', services: { S: '.s.M' }, messages: { M: {} } });
  const pool = createDescriptorPool([
    { files: [client], services: [] },
    { files: [server], services: ['s.S'] },
    { files: [client], services: ['s.S'] },
  ]);
  assert.deepEqual(shape(pool), ['s~2.proto : M Client []', 's.proto : M [S]']);
  assert.equal(pool.symbols.get('s.S')?.[0]?.file.name, 's.proto');
  assert.equal(pool.symbols.get('s.M')?.[0]?.file.name, 's.proto');
});

test('missing imports, circles and junk are tolerated', () => {
  const a = fileBytes({
    name: 'a.proto',
    package: 'a',
    imports: ['gone.proto', 'b.proto'],
    services: { A: '.a.M' },
    messages: { M: {} },
  });
  const b = fileBytes({ name: 'b.proto', package: 'b', imports: ['a.proto'] });
  const pool = createDescriptorPool([{ files: [a, b, Uint8Array.of(0xff)], services: ['a.A', 'a.Unknown'] }]);
  assert.deepEqual(shape(pool), ['b.proto a.proto :  []', 'a.proto gone.proto b.proto : M [A]']);
  assert.deepEqual(pool.services, ['a.A', 'a.Unknown']);
  assert.match(pool.problems.join(), /^not a file descriptor/);
});

test('any number of workloads: names are unique, imports come first, every service sees its own types', () => {
  const source = fc.record({
    version: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
    imports: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 4 }), (sources) => {
      const pool = createDescriptorPool(
        sources.map(({ version, imports }, index) => ({
          services: [`p3.S${index}`],
          // File i may import files before it only; its content is its version.
          files: version.map((number, i) =>
            fileBytes({
              name: `f${i}.proto`,
              package: `p${i}`,
              imports: [...new Set(imports.flatMap(([a, b]) => (a < i && b === i ? [`f${a}.proto`] : [])))],
              messages: { M: {}, [`V${number}`]: {} },
              ...(i === 3 ? { services: { [`S${index}`]: '.p3.M' } } : {}),
            }),
          ),
        })),
      );
      assert.equal(new Set(pool.files.map((file) => file.name)).size, pool.files.length);
      const seen = new Set<string>();
      for (const { file } of pool.files) {
        for (const name of file.proto.dependency) assert.ok(seen.has(name), `${name} before ${file.proto.name}`);
        seen.add(file.proto.name);
      }
      for (const [index, { version }] of sources.entries()) {
        const home = pool.symbols.get(`p3.S${index}`)?.[0]?.file;
        assert.ok(home !== undefined);
        const reached = new Set([home]);
        for (const file of reached) file.imports.forEach((one) => reached.add(one));
        for (const { file } of reached) {
          const { package: pkg, messageType } = decodeFile(file.bytes);
          assert.equal(messageType[1]?.name, `V${version[Number(pkg.slice(1))]}`);
        }
      }
    }),
    { numRuns: 200, seed: 7 },
  );
});
