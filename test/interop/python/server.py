"""The TestService on C-core. Usage: server.py DESCRIPTOR_SET; prints its port, ends when standard input does."""
import sys
import time
from concurrent import futures

import grpc

from messages import ECHO_INITIAL, ECHO_TRAILING, TEST_SERVICE, Schema

schema = Schema(sys.argv[1])
Payload = schema.type("Payload")
SimpleResponse = schema.type("SimpleResponse")
OutputResponse = schema.type("StreamingOutputCallResponse")
InputResponse = schema.type("StreamingInputCallResponse")


def echo_metadata(context):
    trailing = []
    for key, value in context.invocation_metadata():
        if key == ECHO_INITIAL:
            context.send_initial_metadata(((key, value),))
        elif key == ECHO_TRAILING:
            trailing.append((key, value))
    context.set_trailing_metadata(tuple(trailing))


def fail_if_asked(request, context):
    if request.response_status.code == 0:
        return False
    context.set_code(next(code for code in grpc.StatusCode if code.value[0] == request.response_status.code))
    context.set_details(request.response_status.message)
    return True


def sized(size):
    return Payload(body=b"\0" * size)


def empty_call(_request, _context):
    return schema.type("Empty")()


def unary_call(request, context):
    echo_metadata(context)
    if fail_if_asked(request, context):
        return SimpleResponse()
    if request.response_compressed.value:
        context.set_compression(grpc.Compression.Gzip)
    return SimpleResponse(payload=sized(request.response_size))


def responses(request, context):
    for parameters in request.response_parameters:
        if parameters.interval_us > 0:
            time.sleep(parameters.interval_us / 1e6)
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield OutputResponse(payload=sized(parameters.size))


def streaming_output_call(request, context):
    echo_metadata(context)
    if fail_if_asked(request, context):
        return
    if any(parameters.compressed.value for parameters in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    yield from responses(request, context)


def streaming_input_call(requests, _context):
    return InputResponse(aggregated_payload_size=sum(len(request.payload.body) for request in requests))


def full_duplex_call(requests, context):
    echo_metadata(context)
    for request in requests:
        if fail_if_asked(request, context):
            return
        yield from responses(request, context)


def half_duplex_call(requests, context):
    for request in list(requests):
        yield from responses(request, context)


def handler(name, kind, behaviour):
    path = TEST_SERVICE + name
    return kind(
        behaviour,
        request_deserializer=schema.request_type(path).FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=32),
    options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
)
server.add_generic_rpc_handlers(
    (
        grpc.method_handlers_generic_handler(
            "grpc.testing.TestService",
            {
                "EmptyCall": handler("EmptyCall", grpc.unary_unary_rpc_method_handler, empty_call),
                "UnaryCall": handler("UnaryCall", grpc.unary_unary_rpc_method_handler, unary_call),
                "StreamingOutputCall": handler(
                    "StreamingOutputCall", grpc.unary_stream_rpc_method_handler, streaming_output_call
                ),
                "StreamingInputCall": handler(
                    "StreamingInputCall", grpc.stream_unary_rpc_method_handler, streaming_input_call
                ),
                "FullDuplexCall": handler("FullDuplexCall", grpc.stream_stream_rpc_method_handler, full_duplex_call),
                "HalfDuplexCall": handler("HalfDuplexCall", grpc.stream_stream_rpc_method_handler, half_duplex_call),
            },
        ),
    )
)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(None)
