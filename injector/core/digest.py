"""A short text that stands for a configuration and its templates, so that records can be compared later."""

from hashlib import sha256
from typing import Any

import orjson

from injector.core.model import Config

_LENGTH = 16


def digest_of(config: Config) -> str:
    """The digest of `config`, templates included: 16 hexadecimal digits, the same for equal configurations."""
    written = orjson.dumps(config, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return sha256(written).hexdigest()[:_LENGTH]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else dict(value)
