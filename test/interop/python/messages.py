"""The interop messages, built at run time from a descriptor set, and what client and server share."""
from google.protobuf import descriptor_pb2, message_factory


class Schema:
    def __init__(self, path):
        files = descriptor_pb2.FileDescriptorSet()
        with open(path, "rb") as source:
            files.ParseFromString(source.read())
        self._types = message_factory.GetMessages(files.file)
        self.methods = {}
        for file in files.file:
            for service in file.service:
                for method in service.method:
                    self.methods[f"/{file.package}.{service.name}/{method.name}"] = method

    def type(self, name):
        return self._types["grpc.testing." + name.removeprefix(".grpc.testing.")]

    def request_type(self, path):
        return self.type(self.methods[path].input_type)

    def response_type(self, path):
        return self.type(self.methods[path].output_type)


ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
TEST_SERVICE = "/grpc.testing.TestService/"
