import { decideRoute, type CompiledPort, type RequestFacts } from '../decide/index.ts';
import type { DescriptorSource, ReflectionResponder, ReflectionView } from '../protobuf/index.ts';
import type { Protobuf } from './load-protobuf.ts';

/** What the workloads behind a gateway serve, ready to be asked. */
export class ReflectionKnowledge {
  readonly responder: ReflectionResponder;
  /** What of the descriptors cannot be used, with the host that it came from. */
  readonly problems: readonly string[];
  /** Full names of the services behind each service host. */
  readonly #served: ReadonlyMap<string, ReadonlySet<string>>;
  /** Method names by full service name. */
  readonly #methods: ReadonlyMap<string, readonly string[]>;

  /** `sources`: by the host of the service that the workloads stand behind. */
  constructor(
    { createDescriptorPool, createReflectionResponder }: Protobuf,
    sources: ReadonlyMap<string, DescriptorSource>,
  ) {
    const pools = [...sources].map(([host, source]) => ({ host, ...createDescriptorPool([source]) }));
    this.#served = new Map(pools.map(({ host, services }) => [host, new Set(services)]));
    this.problems = pools.flatMap(({ host, problems }) => problems.map((problem) => `${host}: ${problem}`));
    const pool = createDescriptorPool([...sources.values()]);
    this.responder = createReflectionResponder(pool);
    const methods = new Map<string, readonly string[]>();
    for (const { file, services } of pool.files) {
      for (const { name, method } of file.proto.service) {
        const fullName = file.proto.package === '' ? name : `${file.proto.package}.${name}`;
        if (!services.includes(fullName)) continue;
        methods.set(
          fullName,
          method.map((one) => one.name),
        );
      }
    }
    this.#methods = methods;
  }

  /** A service is visible when a call of one of its methods to this host would reach a workload that serves it. */
  viewFor(port: CompiledPort, authority: string): ReflectionView {
    const known = new Map<string, boolean>();
    return {
      allows: (service) => {
        let visible = known.get(service);
        if (visible === undefined) {
          visible = (this.#methods.get(service) ?? []).some((method) =>
            this.#reaches(port, { authority, path: `/${service}/${method}`, service }),
          );
          known.set(service, visible);
        }
        return visible;
      },
    };
  }

  #reaches(
    port: CompiledPort,
    call: { readonly authority: string; readonly path: string; readonly service: string },
  ): boolean {
    const facts: RequestFacts = {
      authority: call.authority,
      path: call.path,
      method: 'POST',
      scheme: 'http',
      header: () => undefined,
      headerAt: () => undefined,
    };
    const decision = decideRoute(port, facts);
    if (decision.type !== 'route') return false;
    return decision.route.backends.some(
      ({ cluster }) => cluster !== undefined && this.#served.get(cluster.cluster.service.host)?.has(call.service),
    );
  }
}
