import type { DescriptorSource } from '../protobuf/index.ts';

/** What the sidecars learned from their workloads. Several workloads may stand behind one service: the newest word counts. */
export class LearnedServices {
  /** By service host, then by proxy; the last entry is the newest. */
  readonly #services = new Map<string, Map<string, DescriptorSource>>();

  set(proxyId: string, { service, source }: { readonly service: string; readonly source: DescriptorSource }): void {
    const byProxy = this.#services.get(service) ?? new Map<string, DescriptorSource>();
    byProxy.delete(proxyId);
    byProxy.set(proxyId, source);
    this.#services.set(service, byProxy);
  }

  get(service: string): DescriptorSource | undefined {
    return [...(this.#services.get(service)?.values() ?? [])].at(-1);
  }

  /** Drops what this proxy said; returns the services concerned. */
  forget(proxyId: string): readonly string[] {
    const concerned: string[] = [];
    for (const [service, byProxy] of this.#services) {
      if (!byProxy.delete(proxyId)) continue;
      concerned.push(service);
      if (byProxy.size === 0) this.#services.delete(service);
    }
    return concerned;
  }

  all(): readonly { readonly service: string; readonly source: DescriptorSource }[] {
    return [...this.#services.keys()].flatMap((service) => {
      const source = this.get(service);
      return source === undefined ? [] : [{ service, source }];
    });
  }
}
