import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { credentials, loadPackageDefinition, status, type ClientDuplexStream } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { failureOf, readerOf } from '../kit/client.ts';
import type { Fixture } from '../kit/fixture.ts';

const reflectionRoot = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));

interface ReflectionResponse {
  readonly error_response: { readonly error_code: number } | null;
  readonly list_services_response: { readonly service: readonly { readonly name: string }[] } | null;
  readonly file_descriptor_response: { readonly file_descriptor_proto: readonly Buffer[] } | null;
}

interface DynamicClient {
  close(): void;
  ServerReflectionInfo(): ClientDuplexStream<object, ReflectionResponse>;
  Check(request: object, callback: (error: Error | null, response: { status: string }) => void): void;
}

function connect(protoPath: string, { service, port }: { service: string; port: number }): DynamicClient {
  const definition = loadSync(protoPath, { keepCase: true, enums: String, defaults: true });
  let found: unknown = loadPackageDefinition(definition);
  for (const part of service.split('.')) found = (found as Record<string, unknown>)[part];
  const Constructor = found as new (address: string, credentials: unknown) => DynamicClient;
  return new Constructor(`127.0.0.1:${port}`, credentials.createInsecure());
}

/** The wire form of a FileDescriptorSet with these files. */
function descriptorSet(files: readonly Buffer[]): Buffer {
  const parts = files.flatMap((file) => {
    const length: number[] = [];
    for (let rest = file.length; rest > 0 || length.length === 0; rest >>>= 7) {
      length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    }
    return [Buffer.from([0x0a, ...length]), file];
  });
  return Buffer.concat(parts);
}

export function describeServer(fixture: Fixture): void {
  describe('server reflection', () => {
    for (const version of ['v1', 'v1alpha']) {
      it(`${version} shows the service and all it is made of`, async () => {
        await using service = await fixture.start();
        const client = connect(join(reflectionRoot, `build/proto/grpc/reflection/${version}/reflection.proto`), {
          service: `grpc.reflection.${version}.ServerReflection`,
          port: service.server.port,
        });
        const call = client.ServerReflectionInfo();
        const reader = readerOf<ReflectionResponse>(call);
        call.write({ list_services: '*' });
        const services = (await reader.next()).list_services_response?.service.map(({ name }) => name);
        assert.deepEqual(services, ['asset.AssetService', 'grpc.health.v1.Health']);
        call.write({ file_containing_symbol: 'asset.AssetService' });
        const files = (await reader.next()).file_descriptor_response?.file_descriptor_proto ?? [];
        // Loading fails where an import or a type is missing.
        const definitions = loadFileDescriptorSetFromBuffer(descriptorSet(files));
        assert.deepEqual(Object.keys(definitions['asset.AssetService'] ?? {}), [
          'GetAsset',
          'ListAssets',
          'CreateAsset',
          'UpdateAsset',
          'DeleteAsset',
          'WatchAssets',
          'ImportAssets',
          'ReconcileAssets',
        ]);
        call.write({ file_by_filename: 'google/protobuf/timestamp.proto' });
        assert.equal((await reader.next()).file_descriptor_response?.file_descriptor_proto.length, 1);
        call.write({ file_containing_symbol: 'asset.Nonsense' });
        assert.equal((await reader.next()).error_response?.error_code, status.NOT_FOUND);
        call.end();
        await reader.rest();
        client.close();
      });
    }
  });

  describe('health', () => {
    it('is SERVING as a whole and for the service', async () => {
      await using service = await fixture.start();
      const client = connect(healthProto, { service: 'grpc.health.v1.Health', port: service.server.port });
      for (const name of ['', 'asset.AssetService']) {
        const answer = await new Promise<string>((resolve, reject) => {
          client.Check({ service: name }, (error, response) => (error ? reject(error) : resolve(response.status)));
        });
        assert.equal(answer, 'SERVING');
      }
      client.close();
    });
  });

  describe('stop', () => {
    it('lets a call in flight finish, and takes no new one', async () => {
      await using service = await fixture.start();
      const { client, server } = service;
      const call = client.reconcile();
      const reader = readerOf(call);
      call.write({ asset_id: 'x' });
      assert.equal((await reader.next()).verdict, 'UNKNOWN_ASSET');
      const stopped = server.stop();
      call.write({ asset_id: 'y' });
      call.end();
      assert.equal((await reader.next()).verdict, 'UNKNOWN_ASSET');
      assert.deepEqual(await reader.rest(), []);
      await stopped;
      assert.equal((await failureOf(client.get({}))).code, status.UNAVAILABLE);
    });

    it('cuts what is not finished at the limit', async () => {
      await using service = await fixture.start();
      const call = service.client.reconcile();
      call.write({ asset_id: 'x' });
      await readerOf(call).next();
      const [[error]] = await Promise.all([once(call, 'error'), service.server.stop({ limitMs: 1 })]);
      assert.notEqual((error as { code: number }).code, status.OK);
    });
  });
}
