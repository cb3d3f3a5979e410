/**
 * Hot: per request one `seriesFor` (a map look-up with a small integer) and one `record` (additions to typed arrays).
 * Nothing is allocated but for a combination of labels that is new.
 */
import { bucketCount, bucketOf } from './buckets.ts';
import { pairLabelValues, type PairLabels, type ServiceIdentity, type WorkloadIdentity } from './labels.ts';
import { maxFlags, maxIdentities, maxPairs, maxSeries } from './limits.ts';
import type { PairSnapshot, SeriesSnapshot } from './snapshot.ts';
import { noTags, TagTable, type Tags } from './tags.ts';

/** Values of a histogram: its buckets, then the sum. */
const histogramStride = bucketCount + 1;
/** Values of a series: the three histograms. Requests are the sum of any histogram's buckets. */
const seriesStride = 3 * histogramStride;
const initialSeries = 16;

/** Statuses are 0 to 16; one more place for calls without any. */
const grpcPlaces = 18;
const noGrpcStatus = 17;
const unknownGrpcStatus = 2;
const maxGrpcStatus = 16;
const codePlaces = 1_000;
const responsePlaces = maxFlags * grpcPlaces * codePlaces * 2;

interface Pair {
  readonly labels: readonly string[];
  readonly security: string;
  /** Of the pair itself: of its messages. */
  readonly tags: Tags | undefined;
  /** The same pair by tags; undefined where none were ever computed. */
  tagged: Map<number, number> | undefined;
  /** Series by response; see `responseKey`. */
  readonly series: Map<number, number>;
}

interface LastPair {
  source: WorkloadIdentity | undefined;
  destination: WorkloadIdentity | undefined;
  service: ServiceIdentity | undefined;
  kind: number;
  index: number;
}

interface Series {
  readonly pair: number;
  readonly tags: Tags | undefined;
  /** Values of `responseLabelNames`. */
  readonly response: readonly string[];
}

const overflowLabel = 'overflow';
const overflowWorkload: WorkloadIdentity = {
  workload: overflowLabel,
  namespace: overflowLabel,
  app: overflowLabel,
  version: overflowLabel,
  canonicalService: overflowLabel,
  canonicalRevision: overflowLabel,
  cluster: overflowLabel,
  principal: overflowLabel,
};
const overflowService: ServiceIdentity = { host: overflowLabel, name: overflowLabel, namespace: overflowLabel };

/** The request metrics of one process: what `istio_requests_total` and its kin are made of. */
export class RequestMetrics {
  readonly #identities = new IdentityTable();
  readonly #pairs: Pair[] = [];
  readonly #pairIndex = new Map<number, number>();
  readonly #series: Series[] = [];
  readonly #flags = new Map<string, number>();
  readonly #tags = new TagTable();
  /** The pair asked for last, which is mostly the next one too: four look-ups saved. */
  readonly #last: LastPair = { source: undefined, destination: undefined, service: undefined, kind: -1, index: 0 };
  #values = new Float64Array(initialSeries * seriesStride);
  /** Request and response messages of each pair. */
  #messages = new Float64Array(2 * initialSeries);
  readonly #overflowPair: number;
  readonly #overflowSeries: number;

  constructor() {
    const overflow = { source: overflowWorkload, destination: overflowWorkload, service: overflowService };
    this.#overflowPair = this.#addPair({ reporter: 'source', security: 'unknown', ...overflow });
    this.#overflowSeries = this.#addSeries(this.#overflowPair, ['grpc', '0', '', '-', 'unknown']);
  }

  /** A number for values that a Telemetry computes for labels, for `taggedPair` and `seriesFor`. */
  tagSet(tags: Tags): number {
    return this.#tags.indexOf(tags);
  }

  /** The pair with tags, for its messages. */
  taggedPair(pair: number, tagSet: number): number {
    if (tagSet === noTags) return pair;
    const entry = this.#pairs[pair] as Pair;
    entry.tagged ??= new Map();
    const known = entry.tagged.get(tagSet);
    if (known !== undefined) return known;
    if (this.#pairs.length >= maxPairs) return this.#overflowPair;
    const tagged = this.#push({ ...entry, tags: this.#tags.at(tagSet), tagged: undefined, series: new Map() });
    entry.tagged.set(tagSet, tagged);
    return tagged;
  }

  /** An index for a client and its destination. Fast for label objects that were seen before, so keep them. */
  pairFor(labels: PairLabels): number {
    const { reporter, source, destination, service, security } = labels;
    const kind = (reporter === 'source' ? 0 : 3) + (security === 'mutual_tls' ? 0 : security === 'none' ? 1 : 2);
    const last = this.#last;
    if (last.kind === kind && last.source === source && last.destination === destination && last.service === service) {
      return last.index;
    }
    last.kind = kind;
    last.source = source;
    last.destination = destination;
    last.service = service;
    last.index = this.#findPair(labels, kind);
    return last.index;
  }

  #findPair(labels: PairLabels, kind: number): number {
    const { source, destination, service } = labels;
    const sourceIndex = this.#identities.indexOf(source);
    const destinationIndex = this.#identities.indexOf(destination);
    const serviceIndex = this.#identities.indexOf(service);
    // 3 + 3 × 16 bits: exact in a double.
    const key = ((kind * 0x1_0000 + sourceIndex) * 0x1_0000 + destinationIndex) * 0x1_0000 + serviceIndex;
    const known = this.#pairIndex.get(key);
    if (known !== undefined) return known;
    const full = this.#pairs.length >= maxPairs;
    const overflows = [sourceIndex, destinationIndex, serviceIndex].includes(maxIdentities);
    if (full || overflows) return this.#overflowPair;
    const pair = this.#addPair(labels);
    this.#pairIndex.set(key, pair);
    return pair;
  }

  /**
   * An index for a pair and a response, for `record`.
   *
   * @param responseCode HTTP status, 0 if there was no response
   * @param grpcStatus -1 if there was none
   * @param flags Envoy's response flags, `-` for none
   * @param tagSet from `tagSet`
   */
  seriesFor(
    pair: number,
    isGrpc: boolean,
    responseCode: number,
    grpcStatus: number,
    flags: string,
    tagSet: number = noTags,
  ): number {
    const entry = this.#pairs[pair] as Pair;
    const grpcPlace = grpcStatus < 0 ? noGrpcStatus : grpcStatus > maxGrpcStatus ? unknownGrpcStatus : grpcStatus;
    const code = responseCode >= 0 && responseCode < codePlaces ? responseCode : 0;
    let key = ((this.#flagIndex(flags) * grpcPlaces + grpcPlace) * codePlaces + code) * 2 + (isGrpc ? 1 : 0);
    if (tagSet !== noTags) key += tagSet * responsePlaces;
    const known = entry.series.get(key);
    if (known !== undefined) return known;
    if (this.#series.length >= maxSeries) return this.#overflowSeries;
    const status = grpcPlace === noGrpcStatus ? '' : String(grpcPlace);
    const response = [isGrpc ? 'grpc' : 'http', String(code), status, flags, entry.security];
    const series = this.#addSeries(pair, response, this.#tags.at(tagSet));
    entry.series.set(key, series);
    return series;
  }

  /** Counts one finished request. Bytes are headers and body on the wire. */
  record(series: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    const base = series * seriesStride;
    this.#observe(base, durationMs);
    this.#observe(base + histogramStride, requestBytes);
    this.#observe(base + 2 * histogramStride, responseBytes);
  }

  /** Counts gRPC messages; may be called while a call goes on, so that long streams are seen. */
  addMessages(pair: number, requestMessages: number, responseMessages: number): void {
    const messages = this.#messages;
    messages[2 * pair] = (messages[2 * pair] as number) + requestMessages;
    messages[2 * pair + 1] = (messages[2 * pair + 1] as number) + responseMessages;
  }

  /** What has been counted; pairs and series that counted nothing are left out. */
  snapshot(): { readonly pairs: readonly PairSnapshot[]; readonly series: readonly SeriesSnapshot[] } {
    const pairs: PairSnapshot[] = [];
    for (const [index, { labels, tags }] of this.#pairs.entries()) {
      const requestMessages = this.#messages[2 * index] as number;
      const responseMessages = this.#messages[2 * index + 1] as number;
      if (requestMessages + responseMessages === 0) continue;
      pairs.push({ labels, requestMessages, responseMessages, ...tagsPart(tags) });
    }
    const series: SeriesSnapshot[] = [];
    for (const [index, { pair, response, tags }] of this.#series.entries()) {
      const [duration, requestBytes, responseBytes] = [0, 1, 2].map((part) =>
        this.#histogram(index * seriesStride + part * histogramStride),
      ) as [number[], number[], number[]];
      if (duration.slice(0, bucketCount).every((count) => count === 0)) continue;
      const labels = [...(this.#pairs[pair] as Pair).labels, ...response];
      series.push({ labels, duration, requestBytes, responseBytes, ...tagsPart(tags) });
    }
    return { pairs, series };
  }

  #histogram(base: number): number[] {
    return [...this.#values.subarray(base, base + histogramStride)];
  }

  #observe(base: number, value: number): void {
    const values = this.#values;
    const bucket = base + bucketOf(value);
    values[bucket] = (values[bucket] as number) + 1;
    const sum = base + bucketCount;
    values[sum] = (values[sum] as number) + value;
  }

  #flagIndex(flags: string): number {
    const known = this.#flags.get(flags);
    if (known !== undefined) return known;
    // The last place is shared by whatever comes too late.
    const index = Math.min(this.#flags.size, maxFlags - 1);
    if (this.#flags.size < maxFlags) this.#flags.set(flags, index);
    return index;
  }

  #addPair(labels: PairLabels): number {
    const { security } = labels;
    return this.#push({
      labels: pairLabelValues(labels),
      security,
      tags: undefined,
      tagged: undefined,
      series: new Map(),
    });
  }

  #push(pair: Pair): number {
    const index = this.#pairs.length;
    this.#pairs.push(pair);
    if (2 * (index + 1) > this.#messages.length) this.#messages = grow(this.#messages);
    return index;
  }

  #addSeries(pair: number, response: readonly string[], tags?: Tags): number {
    const index = this.#series.length;
    this.#series.push({ pair, response, tags });
    if ((index + 1) * seriesStride > this.#values.length) this.#values = grow(this.#values);
    return index;
  }
}

function tagsPart(tags: Tags | undefined): { readonly tags?: Tags } {
  return tags === undefined ? {} : { tags };
}

function grow(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** Small numbers for label objects: by identity of the object, and for a new object by what it says. */
class IdentityTable {
  readonly #byObject = new WeakMap<WorkloadIdentity | ServiceIdentity, number>();
  readonly #byText = new Map<string, number>();

  /** `maxIdentities` once there are too many. */
  indexOf(identity: WorkloadIdentity | ServiceIdentity): number {
    const known = this.#byObject.get(identity);
    if (known !== undefined) return known;
    const text = JSON.stringify(Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1)));
    let index = this.#byText.get(text);
    if (index === undefined) {
      if (this.#byText.size >= maxIdentities) return maxIdentities;
      index = this.#byText.size;
      this.#byText.set(text, index);
    }
    this.#byObject.set(identity, index);
    return index;
  }
}
