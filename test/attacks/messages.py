"""The requests and responses that attacks are made of, encoded once."""

from wire import END_HEADERS, HEADERS, block, frame, literal

AUTHORITY = "sit-gateway.tcex.com.vn"


def request_block(fields=(), path="/asset.AssetService/GetAsset", authority=AUTHORITY):
    return block(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *fields,
        ]
    )


# The backend keeps it open and reads nothing of it.
HELD = request_block([("x-hold", "1")])
# Refused by the gateway's routes; at a sidecar, by its policy.
QUICK = request_block(path="/nobody.Serves/This")
# The backend answers with 1 MiB.
LARGE = request_block([("x-response-bytes", str(1 << 20))])


def endless(scale):
    """Much more than all windows together; ten times as much at ten times the scale."""
    return request_block([("x-response-bytes", str((10 << 20) * scale))])


MALFORMED = request_block() + literal(b"Upper", b"case")
TOO_LONG = request_block() + literal(b"x", b"y" * 24000)
RESPONSE = block([(":status", "200"), ("content-type", "application/grpc")])
TRAILERS = block([("grpc-status", "0")])


def request(stream, head, flags=0, fields=()):
    extra = block(fields) if fields else b""
    return frame(HEADERS, END_HEADERS | flags, stream, head + extra)
