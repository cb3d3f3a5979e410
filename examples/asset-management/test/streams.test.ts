import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { batchesOf, CallEnded, send, signalOf } from '../src/rpc/streams.ts';

/** The side of a call that the server reads and writes, played by hand. */
class FakeCall extends EventEmitter {
  cancelled = false;
  paused = false;
  full = false;
  readonly written: string[] = [];

  write(message: string): boolean {
    this.written.push(message);
    return !this.full;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
    this.emit('cancelled');
  }
}

describe('send', () => {
  it('waits while the client takes nothing, and leaves no listener', async () => {
    const call = new FakeCall();
    const signal = signalOf(call);
    await send(call, { message: 'a', signal });
    call.full = true;
    let sent = false;
    const sending = send(call, { message: 'b', signal }).then(() => (sent = true));
    await Promise.resolve();
    assert.equal(sent, false);
    call.emit('drain');
    await sending;
    assert.deepEqual(call.written, ['a', 'b']);
    assert.equal(call.listenerCount('drain'), 0);
  });

  it('gives up when the call ends, before and while it waits', async () => {
    const call = new FakeCall();
    const signal = signalOf(call);
    call.full = true;
    const sending = send(call, { message: 'a', signal });
    call.cancel();
    await assert.rejects(sending, CallEnded);
    await assert.rejects(send(call, { message: 'b', signal }), CallEnded);
    assert.deepEqual(call.written, ['a']);
    assert.equal(signalOf(call).aborted, true);
  });
});

describe('batchesOf', () => {
  const options = { maxSize: 3, lingerMs: 60_000 };

  it('pauses the client at a full batch, and goes on when the batch is taken', async () => {
    const call = new FakeCall();
    const batches = batchesOf<number>(call, { ...options, signal: signalOf(call) });
    const first = batches.next();
    for (const item of [1, 2]) call.emit('data', item);
    assert.equal(call.paused, false);
    call.emit('data', 3);
    assert.equal(call.paused, true);
    assert.deepEqual(await first, { done: false, value: [1, 2, 3] });
    assert.equal(call.paused, false);
    call.emit('data', 4);
    call.emit('end');
    assert.deepEqual(await batches.next(), { done: false, value: [4] });
    assert.deepEqual(await batches.next(), { done: true, value: undefined });
  });

  it('completes a batch when its time is over', async () => {
    const call = new FakeCall();
    const batches = batchesOf<number>(call, { maxSize: 3, lingerMs: 1, signal: signalOf(call) });
    const first = batches.next();
    call.emit('data', 1);
    assert.deepEqual(await first, { done: false, value: [1] });
  });

  it('throws when the client goes', async () => {
    const call = new FakeCall();
    const batches = batchesOf<number>(call, { ...options, signal: signalOf(call) });
    const first = batches.next();
    call.emit('data', 1);
    call.cancel();
    await assert.rejects(first, CallEnded);
  });
});
