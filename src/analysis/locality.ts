import type { Labels } from './labels.ts';

/** Where an endpoint or a proxy runs; parts that are not known are empty. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

const regionLabel = 'topology.kubernetes.io/region';
const zoneLabel = 'topology.kubernetes.io/zone';
const subzoneLabel = 'topology.istio.io/subzone';

/**
 * From the labels of a pod: `istio-locality` (`region.zone.subzone`; `/` where there is none), else the topology labels.
 * On a cluster the latter are the node's; without nodes they are written on the pod template.
 */
export function localityOfLabels(labels: Labels): Locality {
  const written = labels['istio-locality'];
  // Label values cannot hold a slash, so Istio takes dots in its place.
  if (written !== undefined) return parseLocality(written.includes('/') ? written : written.replaceAll('.', '/'));
  return {
    region: labels[regionLabel] ?? '',
    zone: labels[zoneLabel] ?? '',
    subzone: labels[subzoneLabel] ?? '',
  };
}

/** `region/zone/subzone`; later parts may be missing. */
export function parseLocality(text: string): Locality {
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return { region, zone, subzone };
}

/** `region/zone/subzone` without empty parts at its end. */
export function formatLocality({ region, zone, subzone }: Locality): string {
  return `${region}/${zone}/${subzone}`.replace(/\/+$/, '');
}

/** The labels under which `failoverPriority` asks for a locality. */
export function labelsOfLocality({ region, zone, subzone }: Locality): Labels {
  return {
    ...(region === '' ? {} : { [regionLabel]: region }),
    ...(zone === '' ? {} : { [zoneLabel]: zone }),
    ...(subzone === '' ? {} : { [subzoneLabel]: subzone }),
  };
}
