/** PeerAuthentications beside a naive reading of istio.md 2.2. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bindingsOf, compileText } from '../../test/kit/compile-kit.ts';

type Mode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

interface Written {
  readonly namespace: string;
  readonly name: string;
  /** Years; absent: no timestamp, which is younger than any. */
  readonly created: number | undefined;
  readonly app: string | undefined;
  readonly mode: Mode | undefined;
  readonly ports: Readonly<Record<string, Mode>>;
}

const root = 'istio-system';
const workloads = [
  { namespace: 'default', app: 'a' },
  { namespace: 'default', app: 'b' },
  { namespace: root, app: 'a' },
] as const;
const ports = [5000, 5001] as const;

function older(a: Written, b: Written): number {
  return (a.created ?? 9_999) - (b.created ?? 9_999) || (a.name < b.name ? -1 : 1);
}

/** "port-level → workload (selector) → namespace-wide → mesh-wide → PERMISSIVE. UNSET inherits the next. Oldest wins." */
function modeOf(all: readonly Written[], workload: (typeof workloads)[number], port: number): string {
  const sorted = [...all].sort(older);
  const wide = (namespace: string): Written | undefined =>
    sorted.find((one) => one.namespace === namespace && one.app === undefined);
  const selected =
    workload.namespace === root
      ? undefined
      : sorted.find((one) => one.namespace === workload.namespace && one.app === workload.app);
  const levels = [selected?.ports[port], selected?.mode, wide(workload.namespace)?.mode, wide(root)?.mode];
  return levels.find((mode) => mode !== undefined && mode !== 'UNSET') ?? 'PERMISSIVE';
}

function manifest({ namespace, name, created, app, mode, ports: portModes }: Written): string {
  const spec = {
    ...(app === undefined ? {} : { selector: { matchLabels: { app } } }),
    ...(mode === undefined ? {} : { mtls: { mode } }),
    ...(app === undefined || Object.keys(portModes).length === 0
      ? {}
      : { portLevelMtls: Object.fromEntries(Object.entries(portModes).map(([port, one]) => [port, { mode: one }])) }),
  };
  const stamp = created === undefined ? {} : { creationTimestamp: `${created}-01-01T00:00:00Z` };
  return JSON.stringify({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace, ...stamp },
    spec,
  });
}

const pods = workloads.map(({ namespace, app }) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${app}-pod`, namespace, labels: { app } },
    spec: { containers: [{ name: 'a', ports: ports.map((containerPort) => ({ containerPort })) }] },
  }),
);
const bindings = bindingsOf(
  workloads.map(({ namespace, app }, index) => `${namespace}/${app}-pod=127.0.0.1:${6001 + index}`),
);

const mode = fc.constantFrom<Mode>('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');
const written: fc.Arbitrary<Written> = fc.record({
  namespace: fc.constantFrom('default', root, 'other'),
  name: fc.constantFrom('p', 'q', 'r', 's'),
  created: fc.option(fc.constantFrom(2024, 2025), { nil: undefined }),
  app: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  mode: fc.option(mode, { nil: undefined }),
  ports: fc.dictionary(fc.constantFrom('5000', '5001'), mode, { maxKeys: 2 }),
});

test('the mode of each port is what the text says, whatever is written beside each other', () => {
  const several = fc.uniqueArray(written, { maxLength: 6, selector: ({ namespace, name }) => `${namespace}/${name}` });
  fc.assert(
    fc.property(several, (all) => {
      const { plan } = compileText([...pods, ...all.map(manifest)].join('\n---\n'), { bindings });
      for (const workload of workloads) {
        for (const port of ports) {
          const id = `sidecar/${workload.namespace}/${workload.app}-pod/${port}`;
          const security = plan.ports[id]?.security;
          assert.equal(security?.mode === 'mtls' && security.peerAuthentication, modeOf(all, workload, port), id);
        }
      }
    }),
    { numRuns: 200 },
  );
});
