"""Manual injection: a file of Kubernetes objects in, the same file with its workloads injected out (reference 14)."""

from injector.manual.files import Change, ManualFaults, Rewritten, rewrite
from injector.manual.workloads import injection, removal

__all__ = ["Change", "ManualFaults", "Rewritten", "injection", "removal", "rewrite"]
