"""Istio's ProxyConfig as plain canonical JSON: read, layered, checked and written (reference 3.3 to 3.5 and 13.2).

Canonical means: lowerCamelCase names, enums by name, durations as text such as `45s`, 64-bit integers as text, and only
the fields that are present.
"""

from injector.core.proxy_config.layers import DEFAULTS, effective, from_resource, merge, without_zero_values
from injector.core.proxy_config.parse import ProxyConfigError, parse, parse_text, to_text
from injector.core.proxy_config.schema import FIELDS
from injector.core.proxy_config.validation import read_annotation, validate

__all__ = [
    "DEFAULTS",
    "FIELDS",
    "ProxyConfigError",
    "effective",
    "from_resource",
    "merge",
    "parse",
    "parse_text",
    "read_annotation",
    "to_text",
    "validate",
    "without_zero_values",
]
