"""The interop cases on C-core. Usage: client.py DESCRIPTOR_SET PORT SOAK_ITERATIONS CONCURRENT CA_FILE|- CASE...

Prints one JSON line per case: {"case": NAME, "error": TEXT or null}.
"""
import json
import sys
import threading

import grpc

from messages import ECHO_INITIAL, ECHO_TRAILING, TEST_SERVICE, Schema

descriptor_set, port, soak_iterations, concurrent_calls, ca_file, *case_names = sys.argv[1:]
soak_iterations = int(soak_iterations)
concurrent_calls = int(concurrent_calls)
schema = Schema(descriptor_set)
SimpleRequest = schema.type("SimpleRequest")
OutputRequest = schema.type("StreamingOutputCallRequest")
InputRequest = schema.type("StreamingInputCallRequest")
Payload = schema.type("Payload")
Empty = schema.type("Empty")
BoolValue = schema.type("BoolValue")
EchoStatus = schema.type("EchoStatus")

REQUEST_BYTES = 271828
RESPONSE_BYTES = 314159
REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
SERVER_NAME = "interop.example.com"
LIMIT_SECONDS = 30


def new_channel():
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    if ca_file == "-":
        return grpc.insecure_channel(f"127.0.0.1:{port}", options)
    with open(ca_file, "rb") as source:
        credentials = grpc.ssl_channel_credentials(source.read())
    return grpc.secure_channel(
        f"127.0.0.1:{port}", credentials, options + [("grpc.ssl_target_name_override", SERVER_NAME)]
    )


def method(channel, kind, path):
    return getattr(channel, kind)(
        path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=schema.response_type(path).FromString,
    )


def unary(channel, path=TEST_SERVICE + "UnaryCall"):
    return method(channel, "unary_unary", path)


def duplex(channel):
    return method(channel, "stream_stream", TEST_SERVICE + "FullDuplexCall")


def payload(size):
    return Payload(body=b"\0" * size)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} is not {expected!r}")


def fails_with(code, call):
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code)
        return error
    raise AssertionError("the call succeeded")


def large_request(**more):
    return SimpleRequest(response_size=RESPONSE_BYTES, payload=payload(REQUEST_BYTES), **more)


def empty_unary(channel):
    equal(unary(channel, TEST_SERVICE + "EmptyCall")(Empty(), timeout=LIMIT_SECONDS), Empty())


def large_unary(channel):
    response = unary(channel)(large_request(), timeout=LIMIT_SECONDS)
    equal(len(response.payload.body), RESPONSE_BYTES)


def client_compressed_unary(channel):
    lie = large_request(expect_compressed=BoolValue(value=True))
    fails_with(grpc.StatusCode.INVALID_ARGUMENT, lambda: unary(channel)(lie, timeout=LIMIT_SECONDS))
    for compressed, kind in ((True, grpc.Compression.Gzip), (False, grpc.Compression.NoCompression)):
        request = large_request(expect_compressed=BoolValue(value=compressed))
        response = unary(channel)(request, timeout=LIMIT_SECONDS, compression=kind)
        equal(len(response.payload.body), RESPONSE_BYTES)


def server_compressed_unary(channel):
    for compressed in (True, False):
        request = large_request(response_compressed=BoolValue(value=compressed))
        equal(len(unary(channel)(request, timeout=LIMIT_SECONDS).payload.body), RESPONSE_BYTES)


def client_streaming(channel):
    call = method(channel, "stream_unary", TEST_SERVICE + "StreamingInputCall")
    response = call((InputRequest(payload=payload(size)) for size in REQUEST_SIZES), timeout=LIMIT_SECONDS)
    equal(response.aggregated_payload_size, 74922)


def server_streaming(channel):
    check_output_sizes(channel, [{"size": size} for size in RESPONSE_SIZES])


def server_compressed_streaming(channel):
    check_output_sizes(
        channel,
        [{"size": 31415, "compressed": BoolValue(value=True)}, {"size": 92653, "compressed": BoolValue(value=False)}],
    )


def check_output_sizes(channel, parameters):
    call = method(channel, "unary_stream", TEST_SERVICE + "StreamingOutputCall")
    responses = call(OutputRequest(response_parameters=parameters), timeout=LIMIT_SECONDS)
    equal([len(response.payload.body) for response in responses], [one["size"] for one in parameters])


def ping_pong(channel):
    pong = threading.Semaphore(0)

    def pings():
        for response_size, request_size in zip(RESPONSE_SIZES, REQUEST_SIZES):
            yield OutputRequest(response_parameters=[{"size": response_size}], payload=payload(request_size))
            pong.acquire()

    sizes = []
    for response in duplex(channel)(pings(), timeout=LIMIT_SECONDS):
        sizes.append(len(response.payload.body))
        pong.release()
    equal(sizes, list(RESPONSE_SIZES))


def empty_stream(channel):
    equal(list(duplex(channel)(iter(()), timeout=LIMIT_SECONDS)), [])


def custom_metadata(channel):
    metadata = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))
    _, call = unary(channel).with_call(large_request(), metadata=metadata, timeout=LIMIT_SECONDS)
    request = OutputRequest(response_parameters=[{"size": RESPONSE_BYTES}], payload=payload(REQUEST_BYTES))
    stream = duplex(channel)(iter((request,)), metadata=metadata, timeout=LIMIT_SECONDS)
    equal([len(response.payload.body) for response in stream], [RESPONSE_BYTES])
    for done in (call, stream):
        equal(dict(done.initial_metadata()).get(ECHO_INITIAL), "test_initial_metadata_value")
        equal(dict(done.trailing_metadata()).get(ECHO_TRAILING), b"\xab\xab\xab")


def status_code_and_message(channel):
    status = EchoStatus(code=2, message="test status message")
    error = fails_with(
        grpc.StatusCode.UNKNOWN, lambda: unary(channel)(SimpleRequest(response_status=status), timeout=LIMIT_SECONDS)
    )
    equal(error.details(), status.message)
    request = OutputRequest(response_status=status)
    error = fails_with(grpc.StatusCode.UNKNOWN, lambda: list(duplex(channel)(iter((request,)), timeout=LIMIT_SECONDS)))
    equal(error.details(), status.message)


def special_status_message(channel):
    request = SimpleRequest(response_status=EchoStatus(code=2, message=SPECIAL))
    error = fails_with(grpc.StatusCode.UNKNOWN, lambda: unary(channel)(request, timeout=LIMIT_SECONDS))
    equal(error.details(), SPECIAL)


def unimplemented_method(channel):
    call = unary(channel, TEST_SERVICE + "UnimplementedCall")
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: call(Empty(), timeout=LIMIT_SECONDS))


def unimplemented_service(channel):
    call = unary(channel, "/grpc.testing.UnimplementedService/UnimplementedCall")
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: call(Empty(), timeout=LIMIT_SECONDS))


def cancel_after_begin(channel):
    held = threading.Event()

    def requests():
        held.wait(LIMIT_SECONDS)
        yield InputRequest()

    call = method(channel, "stream_unary", TEST_SERVICE + "StreamingInputCall").future(requests())
    call.cancel()
    held.set()
    equal(call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response(channel):
    held = threading.Event()

    def requests():
        yield OutputRequest(response_parameters=[{"size": 31415}], payload=payload(27182))
        held.wait(LIMIT_SECONDS)

    call = duplex(channel)(requests())
    equal(len(next(call).payload.body), 31415)
    call.cancel()
    held.set()
    equal(call.code(), grpc.StatusCode.CANCELLED)


def timeout_on_sleeping_server(channel):
    held = threading.Event()

    def requests():
        yield OutputRequest(payload=payload(27182))
        held.wait(LIMIT_SECONDS)

    call = duplex(channel)(requests(), timeout=0.001)
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(call))
    held.set()


def concurrent_large_unary(channel):
    calls = [unary(channel).future(large_request(), timeout=LIMIT_SECONDS * 4) for _ in range(concurrent_calls)]
    for call in calls:
        equal(len(call.result().payload.body), RESPONSE_BYTES)


def rpc_soak(channel):
    for _ in range(soak_iterations):
        large_unary(channel)


def channel_soak(_channel):
    for _ in range(soak_iterations):
        with new_channel() as fresh:
            large_unary(fresh)


with new_channel() as shared:
    for case in case_names:
        try:
            globals()[case](shared)
            failure = None
        except Exception as error:  # Whatever a case raises is its result.
            failure = f"{type(error).__name__}: {error}"
        print(json.dumps({"case": case, "error": failure}), flush=True)
