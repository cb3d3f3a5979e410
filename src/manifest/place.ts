import { isAlias, isMap, isScalar, isSeq, type Alias, type Node, type Pair } from 'yaml';
import type { Path } from './document.ts';
import { isMergeKey } from './plain.ts';

/** Where something stands: the offset of its key (or item), and of its value. */
export interface Place {
  readonly key: number;
  readonly value: number;
}

/** The place of a path in a tree; of its nearest ancestor where the path is not written. */
export function findPlace(root: Node | null, path: Path, targets: ReadonlyMap<Alias, Node>): Place {
  let node: Node | null = root;
  let place: Place = { key: offsetOf(root, 0), value: offsetOf(root, 0) };
  for (const step of path) {
    const next = stepInto(resolve(node, targets), step, targets);
    if (next === undefined) return place;
    place = {
      key: offsetOf(next.key, offsetOf(next.value, place.value)),
      value: offsetOf(next.value, offsetOf(next.key, place.value)),
    };
    node = next.value;
  }
  return place;
}

interface Step {
  readonly key: Node | null;
  readonly value: Node | null;
}

function stepInto(node: Node | null, step: string | number, targets: ReadonlyMap<Alias, Node>): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined;
    return item === undefined ? undefined : { key: item, value: item };
  }
  if (!isMap(node)) return undefined;
  const pairs = node.items as Pair<Node, Node | null>[];
  const pair = pairs.find(({ key }) => isScalar(key) && String(key.value) === String(step) && !isMergeKey(key));
  if (pair !== undefined) return { key: pair.key, value: pair.value };
  for (const { key, value } of pairs) {
    const merged = isMergeKey(key) ? stepIntoMerged(resolve(value, targets), step, targets) : undefined;
    if (merged !== undefined) return merged;
  }
  return undefined;
}

function stepIntoMerged(
  source: Node | null,
  step: string | number,
  targets: ReadonlyMap<Alias, Node>,
): Step | undefined {
  const sources = isSeq(source) ? (source.items as Node[]) : [source];
  for (const one of sources) {
    const map = resolve(one, targets);
    const found = isMap(map) ? stepInto(map, step, targets) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function resolve(node: Node | null, targets: ReadonlyMap<Alias, Node>): Node | null {
  return isAlias(node) ? (targets.get(node) ?? null) : node;
}

function offsetOf(node: Node | null, otherwise: number): number {
  return node?.range?.[0] ?? otherwise;
}
