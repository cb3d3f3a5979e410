"""A25: each kind of bad request once per connection, on a connection that shares its way upstream with honest streams."""

from messages import AUTHORITY, HELD, LARGE, MALFORMED, QUICK, TOO_LONG, request
from resets import MISTAKES
from wire import DATA, END_HEADERS, END_STREAM, HEADERS, Attack, block, frame, literal, reset, split, window

LIST_BYTES = 16384
LIST_FIELDS = 100
FIELDS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/asset.AssetService/GetAsset"),
    (":authority", AUTHORITY),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
    ("x-hold", "1"),
]


def at_limit_of_bytes(extra=0):
    used = sum(len(name) + len(value) + 32 for name, value in FIELDS)
    return block(FIELDS) + literal(b"x", b"y" * (LIST_BYTES - used - 33 + extra))


def at_limit_of_fields(extra=0):
    return block(FIELDS) + b"".join(literal(b"x-%d" % index, b"v") for index in range(LIST_FIELDS - len(FIELDS) + extra))


def bad_trailers(stream):
    return request(stream, HELD) + frame(HEADERS, END_HEADERS | END_STREAM, stream, block([(":path", "/late")]))


def long_trailers(stream):
    return request(stream, HELD) + split(literal(b"x", b"y" * 16000), stream, END_STREAM)


REQUESTS = [
    lambda stream: split(at_limit_of_bytes(), stream),
    lambda stream: split(at_limit_of_bytes(1), stream),
    lambda stream: split(at_limit_of_fields(), stream),
    lambda stream: split(at_limit_of_fields(1), stream),
    lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, MALFORMED),
    lambda stream: split(TOO_LONG, stream),
    lambda stream: request(stream, QUICK, END_STREAM),
    lambda stream: request(stream, HELD) + frame(DATA, 0, stream, b"\xff" * 1000) + reset(stream),
    lambda stream: request(stream, HELD, fields=[("grpc-timeout", "1m")]),
    lambda stream: request(stream, HELD, fields=[("grpc-timeout", "nonsense")]),
    lambda stream: request(stream, HELD, fields=[("x-forwarded-for", "a" * 8000)]),
    lambda stream: request(stream, HELD, fields=[("x-forwarded-client-cert", "By=evil;" * 500)]),
    # The response is never taken: its windows stay shut.
    lambda stream: request(stream, LARGE, END_STREAM),
    # Not gRPC's framing: the backend cannot make sense of it.
    lambda stream: request(stream, HELD) + frame(DATA, END_STREAM, stream, b"\x07\xff\xff\xff\xff"),
    bad_trailers,
    long_trailers,
    *MISTAKES.values(),
]


class Neighbour(Attack):
    """All of them within what one connection may do, again and again from fresh connections."""

    settings = {4: 0}
    steps = len(REQUESTS) * 4

    def step(self, peer):
        stream = peer.open_stream()
        return REQUESTS[peer.steps % len(REQUESTS)](stream) + (reset(stream) if peer.steps % 2 else b"") + window(0, 1)


class AtTheLimit(Attack):
    """Requests as long as the first hop allows: the next one must allow what the first added."""

    def tick(self, peer):
        stream = peer.open_stream()
        piece = at_limit_of_bytes() if stream % 4 == 1 else at_limit_of_fields()
        return split(piece, stream) + reset(stream)


ATTACKS = {"A25 noisy-neighbour": Neighbour(), "A25 at-the-limit": AtTheLimit()}
