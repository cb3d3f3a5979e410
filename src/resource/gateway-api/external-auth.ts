import { z } from 'zod';
import { backendObjectRef } from './object-ref.ts';

/** `HTTPExternalAuthFilter` (GEP-1494, experimental), checked as an API server does; it is not supported. */
export const externalAuth = z
  .strictObject({
    protocol: z.enum(['HTTP', 'GRPC']),
    backendRef: z
      .strictObject(backendObjectRef)
      .refine(
        ({ group, kind, port }) => group !== '' || kind !== 'Service' || port !== undefined,
        'must have a port\nAdd the port of the Service.',
      ),
    grpc: z.strictObject({ allowedHeaders: headers() }).optional(),
    http: z
      .strictObject({
        path: z
          .string()
          .regex(
            /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$/,
            'must be a path\nWrite a normal absolute path.',
          )
          .max(1024)
          .optional(),
        allowedHeaders: headers(),
        allowedResponseHeaders: headers(),
      })
      .optional(),
    forwardBody: z.strictObject({ maxSize: z.int().min(0).max(65535).optional() }).optional(),
  })
  .refine(
    ({ protocol, grpc, http }) =>
      (protocol === 'GRPC') === (grpc !== undefined) && (protocol === 'HTTP') === (http !== undefined),
    'must have http or grpc according to its protocol\nWrite the one that protocol names, and not the other.',
  );

function headers() {
  return z
    .array(z.string())
    .max(64)
    .refine((names) => new Set(names).size === names.length, 'must have no entry twice\nTake one away.')
    .optional();
}
