import type { AdminPage } from '../admin/index.ts';
import { viewObjects, type Control } from '../control/index.ts';
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
      return { version: 1, objects: state === undefined ? [] : viewObjects(state.documents, state.result.status) };
    }),
    '/findings': json(() => ({ version: 1, diagnostics: control.state()?.diagnostics ?? [] })),
    '/proxies': json(() => ({ version: 1, proxies: supervisor.children() })),
  };
}
