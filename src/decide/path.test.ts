import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isGrpcPath, pathWithoutQuery } from './path.ts';

/** The rule as the documentation states it. */
const specification = /^\/[A-Za-z_][A-Za-z0-9_.]*\/[A-Za-z_][A-Za-z0-9_]*$/;

test('the usual shapes of a gRPC path pass', () => {
  for (const path of [
    '/asset.AssetService/GetAsset',
    '/grpc.health.v1.Health/Check',
    '/S/M',
    '/_a/_b',
    '/a.b.C1/D_2',
  ]) {
    assert.equal(isGrpcPath(path), true, path);
  }
});

test('what normalisation could read in two ways is refused', () => {
  const refused = [
    '',
    '/',
    '//',
    '*',
    'asset.AssetService/GetAsset',
    '/asset.AssetService',
    '/asset.AssetService/',
    '//asset.AssetService/GetAsset',
    '/asset.AssetService//GetAsset',
    '/asset.AssetService/GetAsset/',
    '/asset.AssetService/GetAsset/x',
    '/asset.AssetService/GetAsset?x=1',
    '/asset.AssetService/GetAsset?',
    '/asset.AssetService/GetAsset#frag',
    '/asset.AssetService/GetAsset;v=1',
    '/asset.AssetService/..;/GetAsset',
    '/asset.AssetService%2fGetAsset',
    '/asset.AssetService/Get%41sset',
    '/asset.AssetService/../GetAsset',
    '/./asset.AssetService/GetAsset',
    String.raw`/asset.AssetService\GetAsset`,
    '/.AssetService/GetAsset',
    '/1asset/GetAsset',
    '/asset/1Get',
    '/asset.AssetService/Get.Asset',
    ' /asset.AssetService/GetAsset',
    '/asset.AssetService/GetAsset ',
    'http://host/asset.AssetService/GetAsset',
    '/asset.AssetService/*',
  ];
  for (const path of refused) assert.equal(isGrpcPath(path), false, path);
});

test('every byte in every position is judged as the specification does', () => {
  const base = '/a.B1/C_2';
  for (let position = 0; position <= base.length; position++) {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const inserted = base.slice(0, position) + character + base.slice(position);
      const replaced = base.slice(0, position) + character + base.slice(position + 1);
      assert.equal(isGrpcPath(inserted), specification.test(inserted), JSON.stringify(inserted));
      assert.equal(isGrpcPath(replaced), specification.test(replaced), JSON.stringify(replaced));
    }
  }
});

test('any text is judged as the specification does', () => {
  const pieces = fc.constantFrom('/', '.', 'a', 'Z', '_', '0', '%', ';', '?', '#', '\\', '\u00e9', '//', '..');
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
      (path) => {
        assert.equal(isGrpcPath(path), specification.test(path));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('query and fragment are cut where they begin', () => {
  assert.equal(pathWithoutQuery('/a/b?x#y'), '/a/b');
  assert.equal(pathWithoutQuery('/a/b#y?x'), '/a/b');
  assert.equal(pathWithoutQuery('/a/b'), '/a/b');
  assert.equal(pathWithoutQuery('?'), '');
});

test('property: paths are judged the same when they come again, among others of their length and last letter', () => {
  const part = fc.constantFrom('a', 'B', '_', '.', '/', '9', '?', '', 'x'.repeat(70));
  const path = fc.array(part, { maxLength: 5 }).map((parts) => `/${parts.join('')}/m`);
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), (paths) => {
      for (const one of [...paths, ...paths]) assert.equal(isGrpcPath(one), specification.test(one), one);
    }),
    { numRuns: 2_000 },
  );
});
