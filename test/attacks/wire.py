"""HTTP/2 as an attacker speaks it: frames by hyperframe or by hand, HPACK by python3-hpack; nothing of Sallyport's own.

A Peer is one socket (plain, or TLS with an SVID) that never blocks; `Arena.run` drives all of them until time is up.
"""

import json
import select
import socket
import ssl
import struct
import time

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 0x20
CANCEL = 8
CODES = (
    "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
    "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM"
).split()
# What a peer may have unread of us before we stop making more: enough to keep a socket busy.
SEND_AHEAD_BYTES = 256 * 1024


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + payload


def settings(values):
    made = SettingsFrame(0)
    made.settings = values
    return made.serialize()


def window(stream, increment):
    return frame(WINDOW, 0, stream, struct.pack("!I", increment))


def reset(stream, code=CANCEL):
    return frame(RST, 0, stream, struct.pack("!I", code))


def block(fields):
    """A header block that leaves no trace in the peer's table, so that it can be sent again."""
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in fields], huffman=False)


def literal(name, value):
    """Literal field without indexing, by hand: hpack refuses some of what an attacker sends."""
    return b"\x00" + integer(len(name), 7) + name + integer(len(value), 7) + value


def indexed_literal(name, value):
    return b"\x40" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(value, bits):
    limit = (1 << bits) - 1
    if value < limit:
        return bytes((value,))
    out = bytearray((limit,))
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def split(data, stream, flags=0, piece=16384):
    """A header block as HEADERS and CONTINUATION."""
    parts = [data[at : at + piece] for at in range(0, len(data), piece)] or [b""]
    out = b""
    for index, part in enumerate(parts):
        last = END_HEADERS if index == len(parts) - 1 else 0
        out += frame(HEADERS, flags | last, stream, part) if index == 0 else frame(CONTINUATION, last, stream, part)
    return out


class Peer:
    def __init__(self, sock, target):
        self.sock = sock
        self.target = target
        self.out = bytearray()
        self.incoming = bytearray()
        self.reads = True
        self.is_connecting = False
        self.is_done = False
        self.started = time.monotonic()
        self.cut_after = None
        self.how = "open"
        self.sent = 0
        self.last_sent = self.started
        self.received = 0
        self.next_stream = 1
        self.steps = 0
        self.resets = 0
        self.responses = 0
        self.ended = 0
        self.state = {}

    def open_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        return stream

    def cut(self, how):
        if self.cut_after is None:
            self.cut_after = time.monotonic() - self.started
            self.how = how

    def close(self):
        self.is_done = True
        try:
            self.sock.close()
        except OSError:
            pass


class Attack:
    """What one peer does. Subclasses say how; `positions` are client, mesh (those connect) and backend (this listens)."""

    positions = ("client", "mesh")
    reads = True
    settings = {}
    window_update = 0
    small_buffers = False
    handshake = True
    steps = None
    # Of the usual amount: for attacks whose steps are large.
    bytes_factor = 1

    def begin(self, peer):
        """Bytes after the connection's first SETTINGS."""
        return b""

    def step(self, peer):
        """The next piece of the attack; None when there is no more to do but hold what is held."""
        return None

    def on_request(self, peer, stream):
        """Backend only: a request came in."""
        return b""

    def on_frame(self, peer, kind, flags, stream, payload):
        return b""

    def tick(self, peer):
        """Each 10 ms."""
        return b""


class Arena:
    def __init__(self, attack, options):
        self.attack = attack
        self.options = options
        self.peers = {}
        self.finished = []
        self.poll = select.poll()
        self.listener = None
        self.next_look = 0

    def connect(self):
        sock = socket.socket()
        if self.attack.small_buffers:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(10)
        sock.connect(self.options.target)
        if self.options.context is not None and self.attack.handshake:
            sock = self.options.context.wrap_socket(sock, server_hostname=self.options.sni)
        return self.add(sock)

    def add(self, sock):
        sock.setblocking(False)
        peer = Peer(sock, self.options)
        peer.port = sock.getsockname()[1]
        peer.is_server = self.listener is not None
        # A backend looks at its first request before it stops reading.
        peer.reads = self.attack.reads or peer.is_server
        if self.attack.handshake:
            peer.out += (b"" if peer.is_server else PREFACE) + settings(self.attack.settings)
            if self.attack.window_update:
                peer.out += window(0, self.attack.window_update)
        peer.state["preface"] = len(PREFACE) if peer.is_server else 0
        if not peer.is_server:
            peer.out += self.attack.begin(peer)
        self.peers[sock.fileno()] = peer
        self.watch(peer)
        return peer

    def listen(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.attack.small_buffers:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.poll.register(self.listener, select.POLLIN)
        return self.listener.getsockname()[1]

    def watch(self, peer):
        # POLLRDHUP tells of the other side's end without reading.
        events = select.POLLRDHUP
        if peer.reads:
            events |= select.POLLIN
        if peer.out:
            events |= select.POLLOUT
        self.poll.register(peer.sock, events)

    def run(self, seconds):
        """Until time is up or everybody was cut; `seconds` after the first peer."""
        deadline = time.monotonic() + seconds
        next_tick = 0
        while True:
            now = time.monotonic()
            if now > deadline or (self.listener is None and not self.peers):
                break
            if self.options.until_cut and self.listener is not None and any(
                peer.how.startswith(("GOAWAY", "Connection")) for peer in self.finished if peer.state.get("requested")
            ):
                break
            for descriptor, events in self.poll.poll(10):
                if self.listener is not None and descriptor == self.listener.fileno():
                    self.accept()
                else:
                    self.serve(self.peers.get(descriptor), events)
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + 0.01
                self.look_at_unread()
                for peer in list(self.peers.values()):
                    self.put(peer, self.attack.tick(peer))
                    self.feed(peer)
        self.next_look = 0
        self.look_at_unread()
        self.look_at_stuck()
        for peer in list(self.peers.values()):
            # Reading from those that are still open would only be another attack.
            if self.options.position == "backend":
                self.last_words(peer)
            else:
                self.finish(peer)
        return self.finished

    def look_at_unread(self):
        """Who does not read sees no end of the stream behind what is unread; the kernel's table of sockets tells."""
        if self.attack.reads or self.options.position == "backend" or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + 0.1
        waiting = {peer.port: peer for peer in self.peers.values() if peer.cut_after is None}
        with open("/proc/net/tcp", encoding="ascii") as table:
            next(table)
            for line in table:
                _, _, remote, state = line.split()[:4]
                if state == "01":
                    waiting.pop(int(remote.split(":")[1], 16), None)
        for peer in waiting.values():
            peer.cut("closed while we did not read")
            self.last_words(peer)

    def look_at_stuck(self):
        """Who reads nothing may lose what says that it may send: its kernel has no room for that either. It is over for such a peer if
        nothing it sent waits to be read, and nothing more went out for a second."""
        if self.attack.reads or self.options.position == "backend":
            return
        now = time.monotonic()
        stuck = {peer.port: peer for peer in self.peers.values() if peer.out and now - peer.last_sent > 1}
        with open("/proc/net/tcp", encoding="ascii") as table:
            next(table)
            for line in table:
                _, _, remote, _, queues = line.split()[:5]
                peer = stuck.get(int(remote.split(":")[1], 16))
                if peer is not None and int(queues.split(":")[1], 16) == 0:
                    peer.cut_after = peer.last_sent - peer.started
                    peer.how = "stuck in its own kernel, nothing of it waits"

    def accept(self):
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return
        self.add(sock)

    def put(self, peer, data):
        if data and not peer.is_done:
            peer.out += data

    def feed(self, peer):
        """Lets the attack make more while the socket takes it."""
        if peer.is_done or (peer.cut_after is not None and not peer.reads):
            return
        ready = not peer.is_server or peer.state.get("requested")
        while ready and len(peer.out) < SEND_AHEAD_BYTES and peer.sent < self.options.max_bytes * self.attack.bytes_factor:
            if self.attack.steps is not None and peer.steps >= self.attack.steps * self.options.scale:
                break
            made = self.attack.step(peer)
            if not made:
                break
            peer.steps += 1
            peer.out += made
        self.watch(peer)

    def serve(self, peer, events):
        if peer is None:
            return
        try:
            if events & (select.POLLIN | select.POLLERR | select.POLLHUP | select.POLLRDHUP):
                self.read(peer, events)
            if events & select.POLLOUT and not peer.is_done and peer.out:
                taken = peer.sock.send(memoryview(peer.out)[: 64 * 1024].tobytes())
                peer.sent += taken
                peer.last_sent = time.monotonic()
                del peer.out[:taken]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError as error:
            self.read_rest(peer)
            peer.cut(type(error).__name__)
            self.finish(peer)
            return
        self.feed(peer)

    def read_rest(self, peer):
        """What came before a reset is still there to read, a GOAWAY among it."""
        try:
            while data := peer.sock.recv(64 * 1024):
                peer.received += len(data)
                self.parse(peer, data)
        except OSError:
            pass

    def read(self, peer, events):
        if not peer.reads and not events & (select.POLLERR | select.POLLHUP | select.POLLRDHUP):
            return
        while True:
            data = peer.sock.recv(64 * 1024)
            if not data:
                peer.cut("closed")
                self.finish(peer)
                return
            peer.received += len(data)
            self.parse(peer, data)
            # What waits after an end is all there will be; else one piece at a time is enough.
            pending = getattr(peer.sock, "pending", lambda: 0)()
            if not pending and not events & (select.POLLRDHUP | select.POLLHUP):
                return

    def parse(self, peer, data):
        peer.incoming += data
        skip = min(peer.state["preface"], len(peer.incoming))
        peer.state["preface"] -= skip
        del peer.incoming[:skip]
        at = 0
        while len(peer.incoming) - at >= 9:
            length = int.from_bytes(peer.incoming[at : at + 3], "big")
            if len(peer.incoming) - at < 9 + length:
                break
            kind, flags = peer.incoming[at + 3], peer.incoming[at + 4]
            stream = int.from_bytes(peer.incoming[at + 5 : at + 9], "big") & 0x7FFFFFFF
            payload = bytes(peer.incoming[at + 9 : at + 9 + length])
            at += 9 + length
            self.take(peer, kind, flags, stream, payload)
        del peer.incoming[:at]

    def take(self, peer, kind, flags, stream, payload):
        if kind == GOAWAY:
            code = int.from_bytes(payload[4:8], "big")
            if code or payload[:4] != b"\x7f\xff\xff\xff":
                name = CODES[code] if code < len(CODES) else str(code)
                peer.cut("")
                peer.how = "GOAWAY " + name + ": " + payload[8:].decode("ascii", "replace")
        elif kind == SETTINGS and not flags & ACK:
            if not peer.state.get("never_acknowledges"):
                self.put(peer, frame(SETTINGS, ACK))
        elif kind == RST:
            peer.resets += 1
        elif kind == HEADERS:
            peer.responses += 1
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            peer.ended += 1
        if kind == HEADERS and peer.is_server and not self.is_reflection(peer, payload):
            if not peer.state.get("requested"):
                peer.state["requested"] = stream
                peer.started = time.monotonic()
                peer.reads = self.attack.reads
                self.put(peer, self.attack.begin(peer))
            self.put(peer, self.attack.on_request(peer, stream))
        self.put(peer, self.attack.on_frame(peer, kind, flags, stream, payload))

    def is_reflection(self, peer, payload):
        """A sidecar asks its workload what it serves, on a connection that it closes by itself: not what is attacked."""
        fields = peer.state.setdefault("decoder", Decoder()).decode(payload)
        return any(name == ":path" and value.startswith("/grpc.reflection.") for name, value in fields)

    def last_words(self, peer):
        """A peer that did not read looks now what the other side had to say."""
        if not peer.reads:
            peer.sock.settimeout(0.2)
            enough = time.monotonic() + 0.5
            try:
                while time.monotonic() < enough:
                    data = peer.sock.recv(64 * 1024)
                    if not data:
                        peer.cut("closed")
                        break
                    peer.received += len(data)
                    self.parse(peer, data)
            except OSError as error:
                if isinstance(error, ConnectionError):
                    peer.cut(type(error).__name__)
        self.finish(peer)

    def finish(self, peer):
        if peer.is_done:
            return
        try:
            self.poll.unregister(peer.sock)
        except (KeyError, ValueError):
            pass
        for descriptor, each in list(self.peers.items()):
            if each is peer:
                del self.peers[descriptor]
        peer.close()
        self.finished.append(peer)


def say(**values):
    print(json.dumps(values), flush=True)
