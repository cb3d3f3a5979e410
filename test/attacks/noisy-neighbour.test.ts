/** A25: a thousand honest streams share connections with bad requests, and lose nothing. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { after, before, test } from 'node:test';
import { python, startAttack, type Position } from './arena/attacker.ts';
import { goodAuthority } from './arena/authorities.ts';
import { startAttackedMesh, type AttackedMesh } from './arena/mesh.ts';
import { residentKib } from './arena/target.ts';

const skip = python.missing;
const streams = 1_000;
const streamsPerConnection = 100;
const attackers = 8;
/** 100 stalled streams of 64 KiB for each attacker, twice, and what the collector leaves for later. */
const maxGrowthKib = (attackers * 2 * 6.25 + 64) * 1024;
const message = Buffer.from([0, 0, 0, 0, 1, 0x78]);
/** The backend answers each message with an empty one. */
const answerBytes = 5;

interface Neighbour {
  readonly stream: ClientHttp2Stream;
  received: number;
}

let mesh: AttackedMesh;
const sessions: ClientHttp2Session[] = [];
const neighbours: Neighbour[] = [];
const changed = new EventEmitter();
let rounds = 0;

before(async () => {
  if (skip !== false) return;
  mesh = await startAttackedMesh();
  for (let index = 0; index < streams / streamsPerConnection; index += 1) {
    const session = connect(`http://${mesh.gateway}`);
    session.setMaxListeners(0);
    sessions.push(session);
  }
  for (let index = 0; index < streams; index += 1) {
    const stream = sessions[index % sessions.length]?.request({
      ':method': 'POST',
      ':path': '/asset.AssetService/ReconcileAssets',
      ':authority': goodAuthority,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    assert.ok(stream);
    const neighbour = { stream, received: 0 };
    stream.on('error', () => undefined);
    stream.on('close', () => changed.emit('change'));
    stream.on('data', (chunk: Buffer) => {
      neighbour.received += chunk.length;
      if (neighbour.received >= rounds * answerBytes) changed.emit('change');
    });
    neighbours.push(neighbour);
  }
  await exchange();
});

after(async () => {
  if (skip !== false) return;
  for (const session of sessions) session.destroy();
  await mesh.stop();
});

/** Each stream sends a message and gets one. */
async function exchange(): Promise<void> {
  rounds += 1;
  for (const { stream } of neighbours) stream.write(message);
  const waiting = () => neighbours.filter(({ stream, received }) => !stream.closed && received < rounds * answerBytes);
  while (waiting().length > 0) await once(changed, 'change');
  assert.deepEqual(
    neighbours.filter(({ stream }) => stream.closed).map(({ stream }) => stream.rstCode),
    [],
    'streams were lost',
  );
}

function residents(): number[] {
  return Object.values(mesh.pids).map(residentKib);
}

const rows: readonly (readonly [name: string, position: Position])[] = [
  ['A25 noisy-neighbour', 'client'],
  ['A25 noisy-neighbour', 'mesh'],
  ['A25 at-the-limit', 'client'],
  ['A01 rapid-reset', 'client'],
  ['A13 tiny-data', 'client'],
  ['A12 unread-responses', 'client'],
  ['A13 unread-upload', 'client'],
];

for (const [name, position] of rows) {
  test(`${name} by ${position} costs none of 1,000 streams anything`, { skip }, async () => {
    const { certFile, keyFile } = mesh;
    const kibBefore = residents();
    const target = position === 'mesh' ? mesh.sidecar : mesh.gateway;
    const attacker = await startAttack({
      name,
      position,
      target,
      certFile,
      keyFile,
      seconds: 1.5,
      connections: attackers,
    });
    await exchange();
    const peers = await attacker.ended;
    const grown = residents().map((kib, index) => kib - (kibBefore[index] ?? 0));
    assert.ok(Math.max(...grown) < maxGrowthKib, `${grown.join(', ')} KiB`);
    assert.ok(
      peers.some(({ sent }) => sent > 10_000),
      'nothing was sent',
    );
    await exchange();
  });
}
