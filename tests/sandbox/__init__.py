"""A pod sandbox: runs injected pods on this machine as a kubelet would, in network namespaces, with local programs.

    with Sandbox() as sandbox:
        images = {"envoyproxy/envoy": sandbox.envoy(), "app": python_image("app.py")}
        shop = sandbox.run(pod, images)                  # a RunningPod, ready
        sandbox.service("shop", [shop], 80, 8080)        # a name and addresses for it, in every pod
        shop.exec("curl", "http://other/")               # from within the pod's network
        with sandbox.on_node():                          # this thread on the node, as the kubelet
            urlopen(f"http://{shop.address}:8080/")
        shop.stop()                                      # preStop, TERM, in order

Traffic between pods is routed by the node, services are addresses with DNAT, both IPv4 and IPv6. `network.namespace`
alone gives an empty network namespace.
"""

import os
import shutil

import pytest

from tests.sandbox.images import Image, Images, envoy_image, injector_image, python_image
from tests.sandbox.network import GATEWAY, GATEWAY6
from tests.sandbox.pods import PodFailed, RunningPod
from tests.sandbox.probes import until
from tests.sandbox.sandbox import Sandbox

__all__ = [
    "GATEWAY",
    "GATEWAY6",
    "Image",
    "Images",
    "PodFailed",
    "RunningPod",
    "Sandbox",
    "envoy_image",
    "injector_image",
    "needs_namespaces",
    "python_image",
    "until",
]

_TOOLS = ("ip", "bridge", "nft", "iptables-restore", "setpriv")

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(tool) is None for tool in _TOOLS),
    reason=f"needs root and {', '.join(_TOOLS)} (Debian: iproute2 nftables iptables util-linux)",
)
