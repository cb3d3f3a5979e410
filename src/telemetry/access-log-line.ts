/** Hot when the access log is on: one line per request, by concatenation. */
import { formatOrigin, type Origin } from '../base/index.ts';
import { maxLoggedValueLength } from './limits.ts';
import type { RequestRecord } from './request-record.ts';

export type StatusName = (grpcStatus: number) => string;

/** Text that needs no escape between double quotes: printable ASCII without `"` and `\`. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * A value of a line between double quotes: printable ASCII only and bounded, so that no client can forge a line, a field
 * or a terminal's escape sequence.
 */
function quoteLogValue(value: string): string {
  if (value.length <= maxLoggedValueLength && plain.test(value)) return `"${value}"`;
  let escaped = '';
  for (let i = 0; i < value.length && i < maxLoggedValueLength; i++) escaped += escapeCode(value.charCodeAt(i));
  return value.length > maxLoggedValueLength ? `"${escaped}..."` : `"${escaped}"`;
}

function escapeCode(code: number): string {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  if (code >= 0x20 && code < 0x7f) return String.fromCharCode(code);
  return code > 0xff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

/** Origins live as long as their plan, so their text is made once. */
const originTexts = new WeakMap<Origin, string>();

function originText(origin: Origin): string {
  let text = originTexts.get(origin);
  if (text === undefined) {
    text = quoteLogValue(formatOrigin(origin));
    originTexts.set(origin, text);
  }
  return text;
}

/** The same for lists of policies, which live as long. */
const listTexts = new WeakMap<readonly Origin[], string>();

function listText(origins: readonly Origin[]): string {
  let text = listTexts.get(origins);
  if (text === undefined) {
    text = quoteLogValue(formatOrigins(origins));
    listTexts.set(origins, text);
  }
  return text;
}

function formatOrigins(origins: readonly Origin[]): string {
  return origins.map(formatOrigin).join(', ');
}

/**
 * A line for people, without line feed:
 * `time reporter hop "POST /asset.AssetService/GetAsset" "authority" 200 OK - 1.20ms`, the reason where there is one,
 * and then `name=value` for what there is.
 */
export function formatTextLine(record: RequestRecord, statusName: StatusName): string {
  const status = record.grpcStatus < 0 ? '-' : statusName(record.grpcStatus);
  let line =
    `${formatTime(record.startWallMs)} ${record.reporter} ${record.hop || '-'} ` +
    `${quoteLogValue(record.isTcp ? 'TCP' : `${record.method} ${record.path}`)} ${quoteLogValue(record.authority)} ` +
    `${record.responseCode} ${status} ${record.flags} ${record.durationMs.toFixed(2)}ms `;
  // Why a call was refused is what a reader of this line looks for; it must not stand beyond the edge of the window.
  if (record.reason !== '') line += `reason=${quoteLogValue(record.reason)} `;
  line += `bytes=${record.requestBytes}/${record.responseBytes}`;
  if (!record.isTcp) line += ` messages=${record.requestMessages}/${record.responseMessages}`;
  if (record.firstByteMs >= 0) line += ` first_byte=${record.firstByteMs.toFixed(2)}ms`;
  if (record.route !== undefined) line += ` route=${originText(record.route)}`;
  if (record.policy !== undefined) line += ` policy=${originText(record.policy)}`;
  else if (record.considered !== undefined) line += ` policy=${listText(record.considered)}`;
  if (record.audited !== undefined) line += ` audit=${originText(record.audited)}`;
  if (record.shadow !== '') line += ` dry_run=${record.shadow}`;
  if (record.shadowPolicy !== undefined) line += ` dry_run_policy=${originText(record.shadowPolicy)}`;
  if (record.sourcePrincipal !== '') line += ` source=${quoteLogValue(record.sourcePrincipal)}`;
  if (record.destinationPrincipal !== '') line += ` destination=${quoteLogValue(record.destinationPrincipal)}`;
  if (record.sourceAddress !== '') line += ` from=${record.sourceAddress}`;
  if (record.upstreamAddress !== '') line += ` upstream=${record.upstreamAddress}`;
  if (record.upstreamCluster !== '') line += ` cluster=${quoteLogValue(record.upstreamCluster)}`;
  if (record.attempts > 1) line += ` attempts=${record.attempts}`;
  if (record.sni !== '') line += ` sni=${quoteLogValue(record.sni)}`;
  if (record.requestId !== '') line += ` request_id=${quoteLogValue(record.requestId)}`;
  if (record.userAgent !== '') line += ` user_agent=${quoteLogValue(record.userAgent)}`;
  if (record.details !== '') line += ` details=${quoteLogValue(record.details)}`;
  return line;
}

/** A line for machines: Istio's keys, and ours for what Istio does not log. Absent values are null. ASCII only. */
export function formatJsonLine(record: RequestRecord, statusName: StatusName): string {
  const line = JSON.stringify({
    start_time: formatTime(record.startWallMs),
    reporter: record.reporter,
    hop: orNull(record.hop),
    method: orNull(record.method),
    path: orNull(record.path),
    protocol: record.isTcp ? 'TCP' : 'HTTP/2',
    authority: orNull(record.authority),
    response_code: record.responseCode,
    grpc_status: record.grpcStatus < 0 ? null : statusName(record.grpcStatus),
    response_flags: record.flags,
    response_code_details: orNull(record.details),
    duration: rounded(record.durationMs),
    first_byte: record.firstByteMs < 0 ? null : rounded(record.firstByteMs),
    bytes_received: record.requestBytes,
    bytes_sent: record.responseBytes,
    messages_received: record.requestMessages,
    messages_sent: record.responseMessages,
    route_name: record.route === undefined ? null : formatOrigin(record.route),
    policy: record.policy === undefined ? orNull(formatOrigins(record.considered ?? [])) : formatOrigin(record.policy),
    audit: record.audited === undefined ? null : formatOrigin(record.audited),
    dry_run: orNull(record.shadow),
    dry_run_policy: record.shadowPolicy === undefined ? null : formatOrigin(record.shadowPolicy),
    source_principal: orNull(record.sourcePrincipal),
    destination_principal: orNull(record.destinationPrincipal),
    downstream_remote_address: orNull(record.sourceAddress),
    downstream_local_address: orNull(record.localAddress),
    requested_server_name: orNull(record.sni),
    upstream_cluster: orNull(record.upstreamCluster),
    upstream_host: orNull(record.upstreamAddress),
    upstream_local_address: orNull(record.upstreamLocalAddress),
    attempts: record.attempts,
    request_id: orNull(record.requestId),
    user_agent: orNull(record.userAgent),
    reason: orNull(record.reason),
  });
  return line.replaceAll(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function orNull(value: string): string | null {
  if (value === '') return null;
  return value.length > maxLoggedValueLength ? `${value.slice(0, maxLoggedValueLength)}...` : value;
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000;
}

let formattedSecond = Number.NaN;
let formattedPrefix = '';

/** RFC 3339 with milliseconds, UTC. The part up to the second is made once per second. */
function formatTime(wallMs: number): string {
  const second = Math.floor(wallMs / 1_000);
  if (second !== formattedSecond) {
    formattedSecond = second;
    formattedPrefix = new Date(second * 1_000).toISOString().slice(0, 20);
  }
  return `${formattedPrefix}${String(Math.floor(wallMs - second * 1_000)).padStart(3, '0')}Z`;
}
