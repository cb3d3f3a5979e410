import type { ServerWritableStream } from '@grpc/grpc-js';
import { toMessage, toTimestamp } from '../assets/asset.ts';
import { latestRevision, readChanges, type Change } from '../assets/changes.ts';
import type { Register } from '../assets/register.ts';
import { listUnchangedSince } from '../assets/store.ts';
import { invalidArgument, resumeTokenExpired, serverStopping } from '../errors.ts';
import type { WatchAssetsRequest, WatchAssetsResponse } from '../messages.ts';
import { send, signalOf } from './streams.ts';

/** So many assets or changes are in memory for one watch at a time. */
const BATCH_SIZE = 200;

interface Watch {
  readonly register: Register;
  readonly signal: AbortSignal;
  readonly send: (message: WatchAssetsResponse) => Promise<void>;
}

/**
 * Streams the snapshot, then the changes. The snapshot needs no long transaction: it is of the revision at its beginning,
 * an asset that changes before its turn is left out, and the change that did it follows from the log. `stopping` is
 * aborted when the server is to stop.
 */
export async function watchAssets(
  call: ServerWritableStream<WatchAssetsRequest, WatchAssetsResponse>,
  { register, stopping }: { register: Register; stopping: AbortSignal },
): Promise<void> {
  const { include_snapshot: includeSnapshot, resume_token: resumeToken, end_when_synced: endWhenSynced } = call.request;
  if (includeSnapshot && resumeToken !== '') {
    throw invalidArgument('include_snapshot', 'cannot be combined with resume_token');
  }
  const callSignal = signalOf(call);
  const signal = AbortSignal.any([callSignal, stopping]);
  const watch: Watch = { register, signal, send: (message) => send(call, { message, signal }) };
  try {
    const latest = await latestRevision(register.database);
    let revision = resumeToken === '' ? latest : readResumeToken(resumeToken, { register, latest });
    if (includeSnapshot) await sendSnapshot(watch, revision);
    while (revision < latest) revision = await sendChanges(watch, revision);
    await watch.send(event({ type: 'SYNCED', resume_token: writeResumeToken(register, revision) }));
    if (endWhenSynced) return;
    for (;;) {
      await register.feed.waitBeyond(revision, signal);
      signal.throwIfAborted();
      revision = await sendChanges(watch, revision);
    }
  } catch (error) {
    if (stopping.aborted && !callSignal.aborted) throw serverStopping();
    throw error;
  }
}

async function sendSnapshot(watch: Watch, revision: bigint): Promise<void> {
  const { database } = watch.register;
  let after = '';
  for (;;) {
    const assets = await listUnchangedSince(database, { revision, after, limit: BATCH_SIZE });
    for (const asset of assets) await watch.send(event({ type: 'SNAPSHOT', asset: toMessage(asset) }));
    const last = assets.at(-1);
    if (last === undefined || assets.length < BATCH_SIZE) return;
    after = last.assetId;
  }
}

/** Sends the next changes, if there are any; returns the revision that the client now has. */
async function sendChanges(watch: Watch, after: bigint): Promise<bigint> {
  const { register } = watch;
  const changes = await readChanges(register.database, {
    after,
    limit: BATCH_SIZE,
    retained: register.retainedChanges,
  });
  if (changes === 'expired') throw resumeTokenExpired();
  for (const change of changes) await watch.send(changeEvent(register, change));
  return changes.at(-1)?.revision ?? after;
}

function changeEvent(register: Register, change: Change): WatchAssetsResponse {
  return {
    type: change.kind,
    asset: toMessage(change.asset),
    resume_token: writeResumeToken(register, change.revision),
    change_time: toTimestamp(change.time),
  };
}

function event(fields: Partial<WatchAssetsResponse> & Pick<WatchAssetsResponse, 'type'>): WatchAssetsResponse {
  return { asset: null, resume_token: '', change_time: null, ...fields };
}

function writeResumeToken(register: Register, revision: bigint): string {
  return Buffer.from(`${register.registerId} ${revision}`).toString('base64url');
}

const tokenPattern = /^(?<registerId>[0-9a-f-]{36}) (?<revision>\d{1,18})$/;

/** The revision in a token. A token of another register, such as this service's before it lost its memory, has expired. */
function readResumeToken(token: string, { register, latest }: { register: Register; latest: bigint }): bigint {
  const match = tokenPattern.exec(Buffer.from(token, 'base64url').toString('latin1'));
  if (match === null) throw invalidArgument('resume_token', 'is not a resume_token of this service');
  const revision = BigInt(match.groups?.['revision'] ?? '');
  if (match.groups?.['registerId'] !== register.registerId || revision > latest) throw resumeTokenExpired();
  if (revision < latest - register.retainedChanges) throw resumeTokenExpired();
  return revision;
}
