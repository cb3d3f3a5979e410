import { z } from 'zod';
import { gatewayDuration } from '../fields.ts';

/** `SessionPersistence` (GEP-1619, experimental), checked as an API server does; it is not supported. */
export const sessionPersistence = z
  .strictObject({
    sessionName: z.string().max(128).optional(),
    absoluteTimeout: gatewayDuration.optional(),
    type: z.enum(['Cookie', 'Header']).default('Cookie'),
    cookieConfig: z.strictObject({ lifetimeType: z.enum(['Permanent', 'Session']).default('Session') }).optional(),
  })
  .refine(
    ({ cookieConfig, absoluteTimeout }) => cookieConfig?.lifetimeType !== 'Permanent' || absoluteTimeout !== undefined,
    'must have an absoluteTimeout\nAdd it: a cookie of lifetimeType Permanent needs one.',
  )
  .refine(
    ({ cookieConfig, type }) => cookieConfig === undefined || type === 'Cookie',
    'must not have cookieConfig\nTake it away, or write type: Cookie.',
  );
