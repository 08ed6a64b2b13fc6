"""Configuration: files, flags and shipped defaults in, one frozen Config out. `watch` and `reload` follow changes."""

from injector.config.loader import Loaded, load
from injector.config.places import ConfigFaults
from injector.core.errors import Fault

__all__ = ["ConfigFaults", "Fault", "Loaded", "load"]
