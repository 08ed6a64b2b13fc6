"""Manual injection: a file of Kubernetes objects in, the same file with its workloads injected out (reference 14)."""

from injector.manifests.files import Change, ManualFaults, Rewritten, rewrite
from injector.manifests.manual_injection import injection, removal

__all__ = ["Change", "ManualFaults", "Rewritten", "injection", "removal", "rewrite"]
