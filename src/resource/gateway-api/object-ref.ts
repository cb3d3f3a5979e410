import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { apiGroup, kindName, namespaceName, objectName, portNumber, present } from '../fields.ts';

/** What requests can be sent to, or copied to. */
export interface BackendObjectRef {
  readonly origin: Origin;
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** The route's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
  /** Always present for a Service. */
  readonly port?: number;
}

/** The fields of `BackendObjectReference`. */
export const backendObjectRef = {
  group: apiGroup.default(''),
  kind: kindName.default('Service'),
  namespace: namespaceName.optional(),
  name: objectName,
  port: portNumber.optional(),
};

const schema = z.strictObject(backendObjectRef);

/** What a schema with these fields gives. */
export type WrittenObjectRef = z.output<typeof schema>;

export function decodeBackendObjectRef(
  { group, kind, namespace, name, port }: WrittenObjectRef,
  path: Path,
  context: DecodeContext,
): BackendObjectRef {
  if (group === '' && kind === 'Service' && port === undefined) {
    context.error(path, { message: `backend Service "${name}" has no port`, remedy: 'Add the port of the Service.' });
  }
  return {
    origin: context.at(path),
    group,
    kind,
    namespace: namespace ?? context.document.namespace,
    name,
    ...present({ port }),
  };
}
