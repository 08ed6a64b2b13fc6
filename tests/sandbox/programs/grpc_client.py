"""Sends lines over a gRPC stream and prints what comes back, and the trailer.

Usage: `python -m tests.sandbox.programs.grpc_client HOST:PORT LINE…`. A process of its own, as gRPC makes its
threads only once.
"""

import sys

import grpc

if __name__ == "__main__":
    with grpc.insecure_channel(sys.argv[1]) as channel:
        call = channel.stream_stream("/test/Echo")(iter(line.encode() for line in sys.argv[2:]), timeout=10)
        print(*[message.decode() for message in call], dict(call.trailing_metadata())["ended"])  # noqa: T201
