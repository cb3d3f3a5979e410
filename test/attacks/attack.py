"""Runs one attack and prints JSON lines: `prepared`, and after a line of input `listening` or `started`, then `ended` with what became
of each connection.

    attack.py "A01 rapid-reset" --position client --target 127.0.0.1:8080 --seconds 4 --connections 10
    attack.py --list
"""

import argparse
import signal
import socket
import ssl
import sys
import time

import floods
import flow
import headers
import neighbours
import resets
import sockets
from wire import Arena, say

ATTACKS = {**resets.ATTACKS, **headers.ATTACKS, **floods.ATTACKS, **flow.ATTACKS, **sockets.ATTACKS, **neighbours.ATTACKS}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("attack", nargs="?", choices=ATTACKS)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--position", choices=("client", "mesh", "backend"), default="client")
    parser.add_argument("--target")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--max-bytes", type=int, default=2_000_000, help="per connection")
    parser.add_argument("--scale", type=int, default=1, help="ten times the bytes and steps: 10")
    parser.add_argument("--port", type=int, default=0, help="where an evil backend listens")
    parser.add_argument("--until-cut", action="store_true", help="an evil backend ends with its first connection")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--sni", default="outbound_.8080_._.asset-management.default.svc.cluster.local")
    options = parser.parse_args()
    if options.list:
        say(attacks={name: attack.positions for name, attack in ATTACKS.items()})
        return
    # Whatever becomes of whoever started this, it ends.
    signal.alarm(int(options.seconds) + 60)
    # All that starting costs is over when the attack begins.
    say(event="prepared")
    sys.stdin.readline()
    options.max_bytes *= options.scale
    options.context = None
    if options.position == "mesh":
        options.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        options.context.check_hostname = False
        options.context.verify_mode = ssl.CERT_NONE
        options.context.minimum_version = ssl.TLSVersion.TLSv1_3
        options.context.set_alpn_protocols(["h2"])
        options.context.load_cert_chain(options.cert, options.key)
    arena = Arena(ATTACKS[options.attack], options)
    if options.position == "backend":
        say(event="listening", port=arena.listen(options.port))
    else:
        host, port = options.target.split(":")
        options.target = (host, int(port))
        failed = 0
        for _ in range(options.connections):
            try:
                arena.connect()
            except (OSError, socket.timeout):
                failed += 1
        say(event="started", failed=failed)
    begun = time.monotonic()
    peers = arena.run(options.seconds)
    say(
        event="ended",
        seconds=time.monotonic() - begun,
        peers=[
            {
                "cutAfterMs": None if peer.cut_after is None else round(peer.cut_after * 1000),
                "ageMs": round((time.monotonic() - peer.started) * 1000),
                "how": peer.how,
                "sent": peer.sent,
                "received": peer.received,
                "resets": peer.resets,
                "responses": peer.responses,
                "ended": peer.ended,
            }
            for peer in peers
            # Connections that a sidecar opened and did not use were not attacked.
            if not peer.is_server or peer.state.get("requested")
        ],
    )


main()
