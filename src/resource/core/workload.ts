import type { Origin } from '../../base/index.ts';
import type { LabelSelector, ResourceObject } from '../object.ts';
import type { PodSpec } from './pod.ts';

/** Deployment, StatefulSet or DaemonSet: for a traffic path, a carrier of one pod template. */
export interface Workload extends ResourceObject {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    /** Absent for a DaemonSet; 1 where none is written. */
    readonly replicas?: number;
  };
}

export interface PodTemplate {
  readonly origin: Origin;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}
