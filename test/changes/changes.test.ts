/**
 * A change makes no difference to what a mesh is: the documents of each golden, edited at random, give after every step what
 * they give when they are read, compiled, cut into slices and indexed from nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CompileResult, Placements } from '../../src/compile/index.ts';
import { bindingsOf, placementsFor, readHeader, testOptions } from '../kit/compile-kit.ts';
import { ChangedMesh, type Files, type MeshInput } from './changed-mesh.ts';

const folder = join(import.meta.dirname, '../golden/compile');
const cases = readdirSync(folder).filter((name) => name.endsWith('.in.yaml'));
const files = ['a.yaml', 'b.yaml', 'c.yaml'];

/** Something that is done to one document, by its index modulo their number. */
type Edit =
  | { readonly type: 'toggle'; readonly index: number }
  | { readonly type: 'move'; readonly index: number; readonly file: number }
  /** A comment above it, so that it and all below it stand in other lines. */
  | { readonly type: 'shift'; readonly index: number }
  /** A field that no kind has: an API server would refuse it. */
  | { readonly type: 'break'; readonly index: number }
  /** Another port, and whose routes a listener takes. */
  | { readonly type: 'alter'; readonly index: number }
  /** Sidecars have reported their addresses, or have lost them. */
  | { readonly type: 'place' };

const index = fc.nat({ max: 1000 });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('toggle' as const), index }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('move' as const), index, file: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('shift' as const), index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('break' as const), index }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('alter' as const), index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('place' as const) }) },
);

interface Written {
  readonly text: string;
  readonly file: number;
  readonly isThere: boolean;
  readonly isBroken: boolean;
  readonly isAltered: boolean;
  readonly shift: number;
}

class EditedFiles {
  readonly #documents: Written[];
  #isPlaced = false;

  constructor(texts: readonly string[]) {
    this.#documents = texts.map((text) => ({
      text,
      file: 0,
      isThere: true,
      isBroken: false,
      isAltered: false,
      shift: 0,
    }));
  }

  apply(change: Edit): void {
    if (change.type === 'place') {
      this.#isPlaced = !this.#isPlaced;
      return;
    }
    const at = change.index % this.#documents.length;
    const known = this.#documents[at] as Written;
    if (change.type === 'toggle') this.#documents[at] = { ...known, isThere: !known.isThere };
    else if (change.type === 'shift') this.#documents[at] = { ...known, shift: known.shift + 1 };
    else if (change.type === 'alter') this.#documents[at] = { ...known, isAltered: !known.isAltered };
    else if (change.type === 'break') this.#documents[at] = { ...known, isBroken: !known.isBroken };
    else this.#documents[at] = { ...known, file: change.file };
  }

  texts(): Files {
    const present = this.#documents.filter(({ isThere }) => isThere);
    return new Map(
      files.map((name, file) => [
        name,
        present
          .filter((one) => one.file === file)
          .map(written)
          .join('\n---\n'),
      ]),
    );
  }

  placements(result: CompileResult | undefined): Placements {
    return this.#isPlaced && result !== undefined ? placementsFor(result) : {};
  }
}

function written({ text, isBroken, isAltered, shift }: Written): string {
  const own = isAltered ? text.replaceAll('8080', '8081').replaceAll('from: All', 'from: Same') : text;
  return `${'# moved\n'.repeat(shift)}${own}${isBroken ? '\nnoSuchField: true' : ''}`;
}

function run(input: MeshInput, texts: readonly string[], edits: readonly Edit[]): void {
  const mesh = new ChangedMesh(input);
  const edited = new EditedFiles(texts);
  let result = mesh.change(edited.texts(), {});
  for (const change of edits) {
    edited.apply(change);
    result = mesh.change(edited.texts(), edited.placements(result));
  }
}

describe('after each of many changes all is as if compiled from nothing', () => {
  for (const name of cases) {
    test(name, () => {
      const text = readFileSync(join(folder, name), 'utf8');
      const { workloads, options, jwks } = readHeader(text);
      const input = { bindings: bindingsOf(workloads), options: { ...testOptions, ...options }, jwks };
      const texts = text.split(/^---$/m).map((part) => part.trim());
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 12 }), (edits) => run(input, texts, edits)),
        { numRuns: 3, seed: 20_260 },
      );
    });
  }
});

/** Routes that share few hostnames, so that most changes touch others. */
const hostnames = ['a.example', 'b.example', '*.example', 'c.a.example', 'elsewhere.test'];

const route = fc.record({
  name: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5'),
  namespace: fc.constantFrom('default', 'other'),
  kind: fc.constantFrom('HTTPRoute', 'GRPCRoute'),
  hosts: fc.subarray(hostnames),
  parent: fc.constantFrom(
    'name: edge, namespace: infra',
    'name: edge, namespace: infra, sectionName: some',
    'name: lost',
  ),
  created: fc.constantFrom('', '2024-01-01T00:00:00Z', '2025-01-01T00:00:00Z'),
  backend: fc.constantFrom('web', 'api', 'nobody'),
});

type RouteShape = typeof route extends fc.Arbitrary<infer T> ? T : never;

function routeText({ name, namespace, kind, hosts, parent, created, backend }: RouteShape): string {
  const created_ = created === '' ? '' : `, creationTimestamp: "${created}"`;
  return `apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace}${created_} }
spec:
  parentRefs: [{ ${parent} }]
  hostnames: [${hosts.map((host) => JSON.stringify(host)).join(', ')}]
  rules:
    - backendRefs: [{ name: ${backend}, namespace: default, port: 8080 }]`;
}

const around = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: infra }
spec:
  gatewayClassName: istio
  listeners:
    - { name: all, port: 8080, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }
    - name: some
      port: 8080
      protocol: HTTP
      hostname: "*.a.example"
      allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { may: "yes" } } } }
---
apiVersion: v1
kind: Namespace
metadata: { name: other, labels: { may: "yes" } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { selector: { app: web }, ports: [{ name: grpc, port: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: default }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: grant, namespace: default }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other }]
  to: [{ group: "", kind: Service }]`.split('\n---\n');

test('routes that share hostnames come and go, and with them what they refer to', () => {
  const input = {
    bindings: bindingsOf(['default/web=127.0.0.1:9000']),
    options: { ...testOptions, outbound: true },
    jwks: {},
  };
  const texts = fc.array(route, { minLength: 3, maxLength: 12 }).map((routes) => [...around, ...routes.map(routeText)]);
  const edits = fc.array(edit, { minLength: 10, maxLength: 30 });
  fc.assert(
    fc.property(texts, edits, (all, changes) => run(input, all, changes)),
    { numRuns: 30, seed: 10 },
  );
});
