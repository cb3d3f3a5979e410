import type { AdminPage } from '../admin/index.ts';
import { viewObjects, type Control, type ObjectView } from '../control/index.ts';
import { stableJson } from '../plan/index.ts';
import type { Supervisor } from './supervisor.ts';

/** The pages of a running mesh. None of them shows a key: the plan holds none, and Secrets are redacted. */
export function adminPages({
  control,
  supervisor,
  isReady,
}: {
  readonly control: Control;
  readonly supervisor: Supervisor;
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
      render: async () => (isReady() ? { status: 200, body: 'ready\n' } : { status: 503, body: 'not ready\n' }),
    },
    '/plan': {
      contentType: 'application/json; charset=utf-8',
      render: async () => ({ status: 200, body: `${stableJson(control.state()?.result.plan)}\n` }),
    },
    '/objects': json(() => {
      const state = control.state();
      const objects = state === undefined ? [] : viewObjects(state.documents, state.result.status);
      const outbound = outboundAddresses(supervisor);
      return { version: 1, objects: objects.map((object) => withOutbound(object, outbound)) };
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

function withOutbound(object: ObjectView, addresses: ReadonlyMap<string, string>): ObjectView {
  const outbound = workloadKinds.has(object.kind) ? addresses.get(`${object.namespace}/${object.name}`) : undefined;
  return outbound === undefined ? object : { ...object, outbound };
}
