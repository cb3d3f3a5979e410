import {
  Client,
  credentials,
  makeGenericClientConstructor,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type CallOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import type { AssetMessage } from '../../src/messages.ts';
import type * as messages from '../../src/messages.ts';
import { assetService, errorMessages } from '../../src/proto.ts';

/** Messages to send may leave fields out. */
export type Input<Message> = Message extends readonly unknown[] | string | number | boolean | null
  ? Message
  : { readonly [Field in keyof Message]?: Input<Message[Field]> };

type Callback<Response> = (error: ServiceError | null, response?: Response) => void;
type Unary<Request, Response> = (request: Input<Request>, options: CallOptions, callback: Callback<Response>) => void;

interface RawClient extends Client {
  GetAsset: Unary<messages.GetAssetRequest, AssetMessage>;
  ListAssets: Unary<messages.ListAssetsRequest, messages.ListAssetsResponse>;
  CreateAsset: Unary<messages.CreateAssetRequest, AssetMessage>;
  UpdateAsset: Unary<messages.UpdateAssetRequest, AssetMessage>;
  DeleteAsset: Unary<messages.DeleteAssetRequest, object>;
  WatchAssets(
    request: Input<messages.WatchAssetsRequest>,
    options?: CallOptions,
  ): ClientReadableStream<messages.WatchAssetsResponse>;
  ImportAssets(
    callback: Callback<messages.ImportAssetsResponse>,
  ): ClientWritableStream<Input<messages.ImportAssetsRequest>>;
  ReconcileAssets(): ClientDuplexStream<Input<messages.InventoryScan>, messages.ReconcileFinding>;
}

export type AssetClient = ReturnType<typeof connectClient>;

/** A client whose unary methods return promises. */
export function connectClient(port: number) {
  const Constructor = makeGenericClientConstructor(assetService, 'AssetService');
  const raw = new Constructor(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as RawClient;
  const unary =
    <Request, Response>(method: Unary<Request, Response>) =>
    async (request: Input<Request>, options: CallOptions = {}): Promise<Response> =>
      await new Promise((resolve, reject) => {
        method.call(raw, request, options, (error, response) => {
          if (error === null && response !== undefined) resolve(response);
          else reject(error ?? new Error('no response'));
        });
      });
  return {
    raw,
    get: unary(raw.GetAsset),
    list: unary(raw.ListAssets),
    create: unary(raw.CreateAsset),
    update: unary(raw.UpdateAsset),
    delete: unary(raw.DeleteAsset),
    watch: (request: Input<messages.WatchAssetsRequest>, options: CallOptions = {}) =>
      raw.WatchAssets(request, options),
    import: importAll(raw),
    reconcile: () => raw.ReconcileAssets(),
    close: () => raw.close(),
  };
}

function importAll(raw: RawClient) {
  return async (items: Iterable<Input<messages.ImportAssetsRequest>>): Promise<messages.ImportAssetsResponse> =>
    await new Promise((resolve, reject) => {
      const call = raw.ImportAssets((error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no response'));
      });
      for (const item of items) call.write(item);
      call.end();
    });
}

export interface Failure {
  readonly code: number;
  readonly message: string;
  /** The google.rpc details by message name. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The failure of a call, with the details that the server has sent. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error = await call.then(
    () => {
      throw new Error('the call has succeeded');
    },
    (reason: unknown) => reason as ServiceError,
  );
  return readFailure(error);
}

export function readFailure(error: ServiceError): Failure {
  const [encoded] = error.metadata.get('grpc-status-details-bin');
  if (!(encoded instanceof Buffer)) return { code: error.code, message: error.details, details: {} };
  const status = errorMessages.status.deserialize(encoded) as {
    code: number;
    message: string;
    details: { type_url: string; value: Buffer }[];
  };
  const types = {
    ErrorInfo: errorMessages.errorInfo,
    BadRequest: errorMessages.badRequest,
    PreconditionFailure: errorMessages.preconditionFailure,
    ResourceInfo: errorMessages.resourceInfo,
  };
  const details = status.details.map(({ type_url: url, value }) => {
    const name = url.slice(url.lastIndexOf('.') + 1) as keyof typeof types;
    return [name, types[name].deserialize(value)];
  });
  return { code: status.code, message: status.message, details: Object.fromEntries(details) };
}

/** The fields that a BadRequest names. */
export function badFields(failure: Failure): string[] {
  const badRequest = failure.details['BadRequest'] as { field_violations: { field: string }[] };
  return badRequest.field_violations.map((violation) => violation.field);
}

/** Reads a stream one message at a time; `next` fails with the status of a call that fails. */
export function readerOf<Message>(call: ClientReadableStream<Message>) {
  const iterator = call[Symbol.asyncIterator]() as AsyncIterator<Message>;
  return {
    next: async (): Promise<Message> => {
      const result = await iterator.next();
      if (result.done === true) throw new Error('the stream has ended');
      return result.value;
    },
    rest: async (): Promise<Message[]> => {
      const messages: Message[] = [];
      for (let result = await iterator.next(); result.done !== true; result = await iterator.next()) {
        messages.push(result.value);
      }
      return messages;
    },
  };
}
