"""A pod sandbox: runs injected pods on this machine as a kubelet would, in network namespaces, with local programs."""

import os
import shutil

import pytest

_TOOLS = ("ip", "bridge", "nft", "iptables-restore", "setpriv")

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(tool) is None for tool in _TOOLS),
    reason=f"needs root and {', '.join(_TOOLS)} (Debian: iproute2 nftables iptables util-linux)",
)
