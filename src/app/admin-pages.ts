import type { AdminPage } from '../admin/index.ts';
import { viewObjects, type Control, type ObjectView } from '../control/index.ts';
import { stableJson } from '../plan/index.ts';
import type { HealthChecks } from '../health/index.ts';
import type { Supervisor } from './supervisor.ts';

/** The pages of a running mesh. None of them shows a key: the plan holds none, and Secrets are redacted. */
export function adminPages({
  control,
  supervisor,
  health,
  isReady,
}: {
  readonly control: Control;
  readonly supervisor: Supervisor;
  readonly health: Pick<HealthChecks, 'isAsked' | 'unready'>;
  readonly isReady: () => boolean;
}): Readonly<Record<string, AdminPage>> {
  const json = (content: () => unknown): AdminPage => ({
    contentType: 'application/json; charset=utf-8',
    render: async () => ({ status: 200, body: `${JSON.stringify(content())}\n` }),
  });
  return {
    '/metrics': {
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      render: async () => ({ status: 200, body: await supervisor.metrics() }),
    },
    '/ready': {
      contentType: 'text/plain; charset=utf-8',
      // Of the mesh as a whole; a workload that is not ready is answered for by the mesh.
      render: async () => {
        const workloads = [...health.unready()].map(([name, reason]) => `workload ${name} is not ready: ${reason}\n`);
        return { status: isReady() ? 200 : 503, body: `${isReady() ? '' : 'not '}ready\n${workloads.join('')}` };
      },
    },
    '/plan': {
      contentType: 'application/json; charset=utf-8',
      render: async () => ({ status: 200, body: `${stableJson(control.state()?.result.plan)}\n` }),
    },
    '/objects': json(() => {
      const state = control.state();
      const objects = state === undefined ? [] : viewObjects(state.documents, state.result.status);
      const outbound = outboundAddresses(supervisor);
      const unready = health.unready();
      const described = (object: ObjectView): ObjectView => {
        if (!workloadKinds.has(object.kind)) return object;
        const name = `${object.namespace}/${object.name}`;
        const address = outbound.get(name);
        return {
          ...object,
          ...(address === undefined ? {} : { outbound: address }),
          ...(health.isAsked(name) ? { health: { isReady: !unready.has(name), reason: unready.get(name) ?? '' } } : {}),
        };
      };
      return { version: 1, objects: objects.map(described) };
    }),
    '/findings': json(() => ({ version: 1, diagnostics: control.state()?.diagnostics ?? [] })),
    '/proxies': json(() => ({ version: 1, proxies: supervisor.children() })),
  };
}

/** By `namespace/name` of the workload. */
function outboundAddresses(supervisor: Supervisor): ReadonlyMap<string, string> {
  return new Map(
    supervisor.children().flatMap(({ id, role, ports }) => {
      const address = ports[`${id}/outbound`];
      return role === 'sidecar' && address !== undefined ? [[id.replace(/^sidecar\//, ''), address]] : [];
    }),
  );
}

const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Pod', 'WorkloadEntry']);
