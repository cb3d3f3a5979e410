import { clientHelloTarget } from './targets/client-hello.ts';
import { connectionClient, connectionServer } from './targets/connection.ts';
import { grpc } from './targets/grpc.ts';
import { hpack } from './targets/hpack.ts';
import { path } from './targets/path.ts';
import type { FuzzTarget } from './target.ts';

export const targets: readonly FuzzTarget[] = [
  connectionServer,
  connectionClient,
  hpack,
  path,
  grpc,
  clientHelloTarget,
];
