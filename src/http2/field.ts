/**
 * A header field, shared between connections and requests: decoded once, compared by identity afterwards.
 *
 * Values are latin1 strings, one character per byte, so every byte survives the relay.
 */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** One of `FieldKind`. */
  readonly kind: number;
  /** Must be a never-indexed literal on every hop (RFC 7541 §7.1.3). */
  readonly neverIndex: boolean;
}

/** The shared field of a constant or often repeating name and value. `name` must be lower case. */
export declare function internField(name: string, value: string): Field;

/** A field of one request only: never kept in a table, sent as a never-indexed literal. `name` must be lower case. */
export declare function transientField(name: string, value: string): Field;
