"""The fields of a Gateway that can be expressed, and those of Istio that cannot, with advice.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/.
"""

import re

from injector.gateway.fields import Listed, Mapped, Message, Scalar, Unsupported
from injector.gateway.hosts import is_server_host
from injector.gateway.rules import server_security
from injector.gateway.scalars import ANY_TEXT, FLAG, PATH, TEXT, number_between, words

# What the gateway's pod listens on itself.
RESERVED_PORTS = (15000, 15021, 15090)
PROTOCOLS = ("HTTP", "HTTP2", "GRPC", "HTTPS")
TLS_VERSIONS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SECRET_NAME = Scalar("the name of a Secret", lambda value: isinstance(value, str) and bool(_NAME.fullmatch(value)))
_SERVER_HOST = Scalar("a host such as example.com, *.example.com, *, or namespace/host", is_server_host)
_SERVER_PORT = Scalar(
    f"a port number (1 to 65535), not one of the gateway's own: {', '.join(map(str, RESERVED_PORTS))}",
    lambda value: number_between(1, 65535)(value) and value not in RESERVED_PORTS,
)
_PROTOCOL = Scalar(
    f"one of {', '.join(PROTOCOLS)}", lambda value: isinstance(value, str) and value.upper() in PROTOCOLS
)

SERVER = Message(
    {
        "name": TEXT,
        "port": Message(
            {
                "number": _SERVER_PORT,
                "name": TEXT,
                "protocol": _PROTOCOL,
                "targetPort": Unsupported("map ports in the gateway's Service"),
            },
            required=("number", "protocol"),
        ),
        "hosts": Listed(_SERVER_HOST, filled=True),
        "tls": Message(
            {
                "httpsRedirect": FLAG,
                "mode": Scalar("SIMPLE", lambda value: value == "SIMPLE"),
                "credentialName": _SECRET_NAME,
                "serverCertificate": PATH,
                "privateKey": PATH,
                "minProtocolVersion": words(*TLS_VERSIONS),
                "maxProtocolVersion": words(*TLS_VERSIONS),
            }
        ),
        "bind": Unsupported("a gateway listens on all addresses of its pod"),
        "defaultEndpoint": Unsupported("write a VirtualService"),
    },
    required=("port", "hosts"),
    rules=(server_security,),
)

GATEWAY = Message({"selector": Mapped(ANY_TEXT, TEXT), "servers": Listed(SERVER, filled=True)}, required=("servers",))
