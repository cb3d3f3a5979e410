/**
 * An app of a mesh, run as a process of its own: `test.Echo/Unary` is answered by the Service that `CALLS` names (in the way a
 * pod finds it, `<NAME>_SERVICE_HOST` and `<NAME>_SERVICE_PORT`), by the host that `AUTHORITY` names (through the one port
 * for all), or without either by this process.
 */
import { credentials, makeGenericClientConstructor, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Client, handleUnaryCall, ServiceError } from '@grpc/grpc-js';
import { echoService } from './proxy-backend.ts';

type Unary = (request: Buffer, callback: (error: ServiceError | null, reply?: Buffer) => void) => void;

const { CALLS: called, AUTHORITY: authority, HOST: host = '127.0.0.1', PORT: port = '0' } = process.env;
const target =
  called === undefined
    ? process.env['SALLYPORT_OUTBOUND']
    : `${process.env[`${called}_SERVICE_HOST`]}:${process.env[`${called}_SERVICE_PORT`]}`;

const upstream =
  (called === undefined && authority === undefined) || target === undefined
    ? undefined
    : (new (makeGenericClientConstructor(echoService, 'test.Echo'))(target, credentials.createInsecure(), {
        ...(authority === undefined ? {} : { 'grpc.default_authority': authority }),
      }) as unknown as Client & { Unary: Unary });

const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  if (upstream === undefined) done(null, Buffer.from(`${call.request.toString()} answered`));
  else upstream.Unary(call.request, done);
};

const { Unary } = echoService;
const server = new Server();
server.addService(Unary === undefined ? {} : { Unary }, { Unary: unary });
server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
