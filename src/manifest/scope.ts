/**
 * Kinds without a namespace, among those that stand in ordinary manifests. A kind that is not listed gets the namespace
 * `default` when it names none, which changes nothing for kinds that are not read.
 */
const clusterScopedKinds = new Set([
  'APIService',
  'CSIDriver',
  'CSINode',
  'CertificateSigningRequest',
  'ClusterIssuer',
  'ClusterRole',
  'ClusterRoleBinding',
  'ClusterTrustBundle',
  'CustomResourceDefinition',
  'FlowSchema',
  'GatewayClass',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

/** The namespace an object is in, given what it says. */
export function namespaceOf(kind: string, written: string | undefined): string {
  if (clusterScopedKinds.has(kind)) return '';
  return written === undefined || written === '' ? 'default' : written;
}
