/** An application that answers each request with what it got, so that a test sees what the proxies made of it. */
import type { Address } from '../../src/proxy/index.ts';
import { startScripted, type ScriptedRequest } from './proxy-scripted.ts';

export interface DescribingApp {
  readonly address: Address;
  /** Paths in the order of their requests. */
  readonly paths: readonly string[];
  /** Resolves when this many requests have come. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Headers of requests that are told in the answer, as `seen-<name>`. */
const told = ['x-route', 'x-backend', 'x-remove', 'x-add', 'x-envoy-attempt-count'];

/**
 * Answers with `x-app: <name>`, `seen-path`, `seen-authority`. A path that ends in `/status_503` is answered with that
 * status, one in `/grpc_14` with that `grpc-status`; one that ends in `/hang` never.
 */
export async function startDescribingApp(name: string): Promise<DescribingApp> {
  const paths: string[] = [];
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();
  const backend = await startScripted({
    onRequest: (request) => {
      // The sidecar asks on its own account.
      if (request.path.startsWith('/grpc.reflection.')) return request.end(12);
      paths.push(request.path);
      for (const waiter of waiting) if (paths.length >= waiter.count) waiter.resolve();
      if (!request.path.endsWith('/hang')) answer(request, name);
    },
  });
  return {
    address: backend.address,
    paths,
    received: async (count) => {
      if (paths.length >= count) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.add({ count, resolve });
      await promise;
    },
    close: () => backend.close(),
  };
}

function answer(request: ScriptedRequest, name: string): void {
  const status = /\/status_(\d+)$/.exec(request.path)?.[1] ?? '200';
  const seen = told.flatMap((header): [string, string][] => {
    const values = request.headers(header);
    return values.length === 0 ? [] : [[`seen-${header}`, values.join(',')]];
  });
  request.send(
    [
      [':status', status],
      ...(status === '200' ? grpcFields(request.path) : []),
      ['x-app', name],
      ['x-backend-header', 'app'],
      ['seen-path', request.path],
      ['seen-authority', request.header(':authority') ?? ''],
      ...seen,
    ],
    true,
  );
}

function grpcFields(path: string): [string, string][] {
  return [
    ['content-type', 'application/grpc'],
    ['grpc-status', /\/grpc_(\d+)$/.exec(path)?.[1] ?? '0'],
  ];
}
