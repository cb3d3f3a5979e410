/** The part of the program that knows messages and descriptors. */
export type Protobuf = typeof import('../protobuf/index.ts');

let loading: Promise<Protobuf> | undefined;

/**
 * Loads it when it is first needed, and once: traffic is relayed without it, and it would be a quarter of an idle proxy's
 * memory.
 */
export function loadProtobuf(): Promise<Protobuf> {
  loading ??= import('../protobuf/index.ts');
  return loading;
}
