"""Configuration: files, flags and shipped defaults in, one frozen Config out. `watch` and `reload` follow changes."""

from injector.config.errors import ConfigFaults, Fault
from injector.config.loader import Loaded, load

__all__ = ["ConfigFaults", "Fault", "Loaded", "load"]
