/** A health answer has two bytes; what is longer is none. */
export const MAX_HEALTH_MESSAGE_BYTES = 4_096;

/** Of the body of an HTTP answer nothing is used; what comes beyond this is not waited for. As a kubelet reads. */
export const MAX_HTTP_BODY_BYTES = 10_240;

/** Redirects followed on the same host, as a kubelet follows them. */
export const MAX_REDIRECTS = 10;

/**
 * How often a workload that is not ready is asked, in milliseconds, where its period is longer: Kubernetes leaves that open
 * ("to make the Pod ready faster"), and somebody is waiting for it.
 */
export const UNREADY_PERIOD_MS = 1_000;

/** Failures in a row of a workload that is starting after which the operator is told, at the latest: some five seconds. */
export const MAX_SILENT_FAILURES = 5;
