"""A17 slow openings, A24 many connections: the attack is the connection itself."""

from messages import HELD, request
from wire import PREFACE, Attack, frame, settings


class Slow(Attack):
    """Slowloris: a part of what must come first, and then one byte now and then."""

    handshake = False

    def __init__(self, opening, drip=b"", every=50):
        self.opening = opening
        self.drip = drip
        self.every = every
        self.handshake = False

    def begin(self, peer):
        peer.state["never_acknowledges"] = not self.handshake
        return self.opening

    def tick(self, peer):
        peer.steps += 1
        at = peer.steps // self.every - 1
        return self.drip[at : at + 1] if peer.steps % self.every == 0 and at >= 0 else b""


class SlowSettings(Slow):
    """After TLS, if there is any."""

    handshake = True

    def __init__(self, opening, drip=b""):
        super().__init__(opening, drip)
        self.handshake = True


class OneStreamEach(Attack):
    def begin(self, peer):
        return request(peer.open_stream(), HELD)


# The head of a TLS ClientHello record that announces 512 bytes.
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

ATTACKS = {
    "A17 slow-preface": Slow(PREFACE[:3], PREFACE[3:]),
    "A17 silent": Slow(b""),
    "A17 half-hello": Slow(CLIENT_HELLO, bytes(400)),
    "A17 slow-headers": SlowSettings(frame(1, 4, 1, HELD)[:12], HELD[3:]),
    "A24 one-stream-each": OneStreamEach(),
}
ATTACKS["A17 slow-preface"].positions = ("client",)
ATTACKS["A17 half-hello"].positions = ("mesh",)
