import { diagnose } from '../base/index.ts';
import type { Gateway } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { World } from './world.ts';

const annotation = 'proxy.istio.io/config';
const setting = /["']?numTrustedProxies["']?\s*:\s*["']?(\d{1,3})["']?(?!\w)/;

/**
 * Proxies in front of a Gateway whose entries in `x-forwarded-for` count: `gatewayTopology.numTrustedProxies` of the
 * annotation that Istio passes on to the gateway's pods. Its text is YAML or JSON; whatever else it says is reported.
 */
export function trustedProxiesOf(world: World, { metadata, origin }: Gateway): number {
  const text = metadata.annotations[annotation] ?? '';
  if (text === '') return 0;
  const found = setting.exec(text);
  const rest = text.replace(setting, '').replace(/["']?gatewayTopology["']?\s*:/, '');
  if (/[^\s{},]/.test(rest)) {
    world.report(
      diagnose(codes.proxyConfigAnnotation, {
        origin,
        message: `of annotation ${annotation} only gatewayTopology.numTrustedProxies has an effect; the rest has none`,
        remedy: 'Keep it for the cluster and do not rely on it locally.',
      }),
    );
  }
  return found === null ? 0 : Number(found[1]);
}
