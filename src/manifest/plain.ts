import { isAlias, isMap, isScalar, isSeq, type Alias, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { DiagnosticCode } from '../base/index.ts';
import { manifestCodes } from './codes.ts';
import { maxAliasedValues, maxDepth } from './limits.ts';

/** A finding at an offset of the chunk. */
export interface Problem {
  readonly code: DiagnosticCode;
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

export interface Plain {
  readonly value: unknown;
  /** What each alias stands for, to find places below it. */
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly problems: readonly Problem[];
}

interface Conversion {
  readonly anchors: Map<string, Node>;
  readonly targets: Map<Alias, Node>;
  readonly done: Map<Node, { readonly value: unknown; readonly size: number }>;
  readonly open: Set<Node>;
  readonly problems: Problem[];
  /** Values so far, those that aliases repeat included. */
  size: number;
  aliased: number;
}

/** Turns a YAML tree into JSON-like data, as Kubernetes does before it looks at an object. */
export function toPlain(root: Node | null): Plain {
  const conversion: Conversion = {
    anchors: new Map(),
    targets: new Map(),
    done: new Map(),
    open: new Set(),
    problems: [],
    size: 0,
    aliased: 0,
  };
  const value = root === null ? null : convert(conversion, root, 0);
  return { value, targets: conversion.targets, problems: conversion.problems };
}

function convert(conversion: Conversion, node: Node, depth: number): unknown {
  conversion.size++;
  if (isAlias(node)) return convertAlias(conversion, node);
  if (depth > maxDepth) {
    report(conversion, manifestCodes.tooDeep, node, {
      message: `nested deeper than ${maxDepth} levels`,
      remedy: 'Kubernetes objects are not that deep; check the indentation or the brackets from here on.',
    });
    return null;
  }
  const { anchor } = node as { anchor?: string };
  if (anchor !== undefined) conversion.anchors.set(anchor, node);
  if (isScalar(node)) return convertScalar(conversion, node, 'value');
  const before = conversion.size;
  conversion.open.add(node);
  let value: unknown = null;
  if (isMap(node)) value = convertMap(conversion, node, depth);
  else if (isSeq(node)) value = node.items.map((item) => convert(conversion, item as Node, depth + 1));
  conversion.open.delete(node);
  if (anchor !== undefined) conversion.done.set(node, { value, size: conversion.size - before });
  return value;
}

function convertAlias(conversion: Conversion, alias: Alias): unknown {
  const target = conversion.anchors.get(alias.source);
  if (target === undefined) {
    report(conversion, manifestCodes.syntax, alias, {
      message: `alias *${alias.source} has no anchor before it in this document`,
      remedy: 'Write the value out, or define &NAME earlier in the same document.',
    });
    return null;
  }
  if (conversion.open.has(target)) {
    report(conversion, manifestCodes.aliasBomb, alias, {
      message: `alias *${alias.source} contains itself`,
      remedy: 'Write the value out; JSON has no circles, so neither has a Kubernetes object.',
    });
    return null;
  }
  conversion.targets.set(alias, target);
  if (isScalar(target)) return convertScalar(conversion, target, 'value');
  const done = conversion.done.get(target) ?? { value: null, size: 0 };
  conversion.size += done.size;
  conversion.aliased += done.size;
  if (conversion.aliased > maxAliasedValues) {
    if (conversion.aliased - done.size <= maxAliasedValues) {
      report(conversion, manifestCodes.aliasBomb, alias, {
        message: `aliases repeat more than ${maxAliasedValues} values`,
        remedy:
          'Write the values out, or take the repetition away: expanded, this document would be unreasonably large.',
      });
    }
    return null;
  }
  return done.value;
}

function convertMap(conversion: Conversion, map: YAMLMap, depth: number): Record<string, unknown> {
  const result = emptyMap();
  const places = new Map<string, Node>();
  const merges: unknown[] = [];
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const value = pair.value === null ? null : convert(conversion, pair.value, depth + 1);
    if (isMergeKey(pair.key)) {
      merges.push(value);
      continue;
    }
    const key = keyText(conversion, pair.key);
    if (key === undefined) continue;
    const earlier = places.get(key);
    if (earlier !== undefined) {
      report(conversion, manifestCodes.duplicateKey, pair.key, {
        message: `key "${key}" is written twice in this map`,
        remedy: 'Keep one of the two; Kubernetes refuses objects with duplicate keys.',
      });
      continue;
    }
    places.set(key, pair.key);
    result[key] = value;
  }
  for (const merged of merges.flat()) mergeInto(result, merged);
  return result;
}

/** `<<`: what is written in the map itself wins, then earlier sources. */
function mergeInto(result: Record<string, unknown>, merged: unknown): void {
  if (typeof merged !== 'object' || merged === null) return;
  for (const [key, value] of Object.entries(merged)) if (!Object.hasOwn(result, key)) result[key] = value;
}

export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<';
}

/** Keys become text as in JSON; null and collections cannot. `__proto__` is refused wherever it stands. */
function keyText(conversion: Conversion, key: Node | null): string | undefined {
  if (!isScalar(key)) {
    if (key !== null) {
      report(conversion, manifestCodes.badKey, key, {
        message: 'a key must be a single text, not a list, a map or an alias',
        remedy: 'If this is a template placeholder, render the template first (helm template, kustomize build).',
      });
    }
    return undefined;
  }
  const value = convertScalar(conversion, key, 'key');
  const text = String(value);
  if (value === null || text === '__proto__') {
    report(conversion, manifestCodes.badKey, key, {
      message: value === null ? 'a key is empty' : 'key "__proto__" is not allowed',
      remedy: 'Give it another name.',
    });
    return undefined;
  }
  return text;
}

function convertScalar(conversion: Conversion, scalar: Scalar, role: 'key' | 'value'): unknown {
  const { value, source } = scalar;
  if (typeof value !== 'boolean') return value ?? null;
  if (source !== undefined && !/^(?:true|false)$/i.test(source)) {
    report(conversion, manifestCodes.oldBoolean, scalar, {
      message: `${role} ${source} is read as the boolean ${String(value)}, as Kubernetes does`,
      remedy: `Write ${String(value)} if that is meant, or "${source}" in quotes for the text.`,
    });
  }
  return value;
}

/** A map without prototype, so that no key of a file means anything to JavaScript. */
export function emptyMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function report(
  conversion: Conversion,
  code: DiagnosticCode,
  node: Node,
  finding: { readonly message: string; readonly remedy: string },
): void {
  conversion.problems.push({ code, offset: node.range?.[0] ?? 0, ...finding });
}
