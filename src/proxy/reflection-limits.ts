/** Limits of what is believed from a workload's reflection answers. A workload is trusted to serve, not to fill our memory. */
export const learnerLimits = {
  /** Kubernetes workloads serve a handful of services; a thousand is far beyond any real process. */
  maxServices: 1_000,
  /** The whole of googleapis is about 4,000 files; one workload links a small part of it. */
  maxFiles: 2_000,
  /** Descriptors of a large service are some hundred kilobytes; 16 MiB leaves room and still bounds a proxy's memory. */
  maxBytes: 16 * 1024 * 1024,
  /** Names are Protobuf identifiers and file paths; longer ones are junk, and would come back in our requests. */
  maxNameLength: 1_024,
} as const;
