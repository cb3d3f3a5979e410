import type { Located, ResourceObject, Unsupported } from '../object.ts';

export interface WorkloadEntry extends ResourceObject {
  readonly spec: {
    /** IP address or DNS name; `unix://` is also in `unsupported`. */
    readonly address: Located<string>;
    /** By service port name. */
    readonly ports: Readonly<Record<string, number>>;
    readonly labels: Readonly<Record<string, string>>;
    /** Absent: equal. */
    readonly weight?: number;
    /** `default` where none is written. */
    readonly serviceAccount: string;
    /** Not empty: the endpoint must not be used. */
    readonly unsupported: readonly Unsupported[];
  };
}
