/** Attackers that must be cut off, from all three positions, while an honest client goes on. The rest: scripts/attacks.ts. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { python, startAttack, type AttackerPeer, type Position } from './arena/attacker.ts';
import { freePort } from './arena/free-port.ts';
import { startGoodClient, type LocalGoodClient } from './arena/good-client.ts';
import { startAttackedMesh, type AttackedMesh } from './arena/mesh.ts';
import { residentKib } from './arena/target.ts';
import { prepareTrigger } from './arena/trigger-start.ts';

const skip = python.missing;
const score = /GOAWAY ENHANCE_YOUR_CALM: too many suspicious frames/;
/**
 * Who sends without pause may lose our last frames: TCP discards them when the socket goes with input unread. The metric
 * and the log line name the cause all the same, so a reset counts as cut where a limit is asserted.
 */
const reset = /^(ConnectionResetError|BrokenPipeError)$/;
/** Long enough for a busy machine; an attacker that is cut ends at once. */
const attackSeconds = 10;
const connections = 4;
/** For all connections together; what one keeps is measured by the script. */
const maxGrowthKib = 64 * 1024;

let mesh: AttackedMesh;
let good: LocalGoodClient;
let evilPort: number;

before(async () => {
  if (skip !== false) return;
  evilPort = await freePort();
  mesh = await startAttackedMesh({ evilAddress: `127.0.0.1:${evilPort}` });
  good = startGoodClient(mesh.gateway, { callsPerSecond: 50, streams: 2 });
});

after(async () => {
  if (skip !== false) return;
  await good.stop();
  await mesh.stop();
});

interface Case {
  readonly name: string;
  /** How each connection ends, as its attacker sees it. */
  readonly how: RegExp;
  /** As counted in sallyport_limits_acted_total; absent where the protocol itself forbids it. */
  readonly limit?: string;
}

const cases: Readonly<Record<Position, readonly Case[]>> = {
  client: [
    { name: 'A01 rapid-reset', how: score, limit: 'abuse-score' },
    { name: 'A01 refused-streams', how: /GOAWAY ENHANCE_YOUR_CALM/, limit: 'concurrent-streams' },
    { name: 'A02 window-update-0', how: score, limit: 'abuse-score' },
    { name: 'A02 content-length', how: score, limit: 'abuse-score' },
    { name: 'A03 continuation-0-byte', how: /too many CONTINUATION frames/, limit: 'continuation-frames' },
    { name: 'A04 bomb-fields', how: score, limit: 'header-list-bytes' },
    { name: 'A05 hpack-bomb', how: score, limit: 'header-list-bytes' },
    { name: 'A05 three-size-updates', how: /COMPRESSION_ERROR/ },
    { name: 'A07 ping-flood', how: score, limit: 'abuse-score' },
    { name: 'A09 answers-unread', how: /closed while we did not read|GOAWAY|Error/, limit: 'queued-control-frames' },
    { name: 'A13 empty-data', how: score, limit: 'abuse-score' },
    { name: 'A19 stream-ids', how: score, limit: 'abuse-score' },
    { name: 'A20 oversized-frame', how: /GOAWAY FRAME_SIZE_ERROR/ },
    { name: 'A23 window-updates', how: score, limit: 'abuse-score' },
  ],
  mesh: [
    { name: 'A01 rapid-reset', how: score, limit: 'abuse-score' },
    { name: 'A10 settings-flapping', how: score, limit: 'abuse-score' },
    { name: 'A08 priority-churn', how: score, limit: 'abuse-score' },
    { name: 'A21 after-the-error', how: /GOAWAY PROTOCOL_ERROR/ },
  ],
  backend: [
    { name: 'A03 continuation-16k', how: /GOAWAY ENHANCE_YOUR_CALM|Connection/, limit: 'header-block-bytes' },
    { name: 'A07 ping-flood', how: score, limit: 'abuse-score' },
    { name: 'A22 push-promise', how: /PUSH_PROMISE without permission|Connection/ },
  ],
};

for (const [position, list] of Object.entries(cases) as [Position, readonly Case[]][]) {
  for (const { name, how, limit } of list) {
    test(`${name} by ${position}: cut, named, and nobody else notices`, { skip }, async () => {
      good.take();
      const logFrom = mesh.process.stderr.length;
      const countedBefore = (await mesh.limitsActed())[limit ?? ''] ?? 0;
      const kibBefore = residents();
      const peers = await attack(name, position);
      assert.ok(peers.length > 0);
      const ways = peers.map((peer) => peer.how);
      const unlike = ways.filter((way) => !how.test(way) && !(limit !== undefined && reset.test(way)));
      // A backend also sees connections end that never were attacked.
      assert.ok(position === 'backend' ? unlike.length < ways.length : unlike.length === 0, ways.join(' | '));
      const grown = residents().map((kib, index) => kib - (kibBefore[index] ?? 0));
      assert.ok(Math.max(...grown) < maxGrowthKib, `${grown.join(', ')} KiB`);
      if (limit !== undefined) {
        assert.ok(((await mesh.limitsActed())[limit] ?? 0) > countedBefore, `${limit} was not counted`);
        const line = new RegExp(String.raw`(client|upstream) 127\.0\.0\.1:\d+.*limit ${limit}`);
        await mesh.process.until(() => line.test(mesh.process.stderr.slice(logFrom)), `to log ${limit}`);
      }
      const { failures, firstFailure } = good.take();
      assert.equal(failures, 0, firstFailure);
    });
  }
}

function residents(): number[] {
  return Object.values(mesh.pids).map(residentKib);
}

/** What became of the attacker's connections; an evil backend's until the first one was cut. */
async function attack(name: string, position: Position): Promise<readonly AttackerPeer[]> {
  const { certFile, keyFile } = mesh;
  const attacker = await startAttack({
    ...{ name, position, connections, seconds: attackSeconds, port: evilPort, certFile, keyFile },
    target: position === 'mesh' ? mesh.sidecar : mesh.gateway,
    untilCut: true,
  });
  assert.equal(attacker.failed, 0);
  const trigger = position === 'backend' ? await prepareTrigger(mesh.gateway) : undefined;
  trigger?.begin();
  const peers = await attacker.ended;
  trigger?.stop();
  return peers.filter((peer) => position !== 'backend' || peer.cutAfterMs !== null);
}
