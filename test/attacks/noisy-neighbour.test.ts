/** A25: a thousand honest streams share connections with bad requests, and lose nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { after, before, test } from 'node:test';
import { python, startAttack, type Position } from './arena/attacker.ts';
import { goodAuthority, startAttackedMesh, type AttackedMesh } from './arena/mesh.ts';

const skip = python.missing;
const streams = 1_000;
const streamsPerConnection = 100;
const message = Buffer.from([0, 0, 0, 0, 1, 0x78]);

let mesh: AttackedMesh;
const sessions: ClientHttp2Session[] = [];
const neighbours: ClientHttp2Stream[] = [];

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
    stream.on('error', () => undefined);
    neighbours.push(stream);
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
  const answers = neighbours.map((stream) => {
    assert.ok(!stream.destroyed && !stream.closed, `a stream was lost: ${stream.rstCode}`);
    const ended = once(stream, 'close').then(() => assert.fail(`a stream was lost: ${stream.rstCode}`));
    const answered = once(stream, 'data');
    stream.write(message);
    return Promise.race([answered, ended]);
  });
  await Promise.all(answers);
}

const rows: readonly (readonly [name: string, position: Position])[] = [
  ['A25 noisy-neighbour', 'client'],
  ['A25 noisy-neighbour', 'mesh'],
  ['A25 at-the-limit', 'client'],
  ['A01 rapid-reset', 'client'],
  ['A12 unread-responses', 'client'],
  ['A13 unread-upload', 'client'],
];

for (const [name, position] of rows) {
  test(`${name} by ${position} costs none of 1,000 streams anything`, { skip }, async () => {
    const { certFile, keyFile } = mesh;
    const target = position === 'mesh' ? mesh.sidecar : mesh.gateway;
    const attacker = await startAttack({ name, position, target, certFile, keyFile, seconds: 1.5, connections: 8 });
    await exchange();
    const peers = await attacker.ended;
    assert.ok(
      peers.some(({ sent }) => sent > 10_000),
      'nothing was sent',
    );
    await exchange();
    assert.equal(neighbours.filter((stream) => stream.destroyed || stream.closed).length, 0);
  });
}
