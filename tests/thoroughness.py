"""How often a property is tried: a fifth as often in `make test` as in `make fuzz`, which sets FUZZ_EXAMPLES."""

import os

from hypothesis import settings

IS_THOROUGH = "FUZZ_EXAMPLES" in os.environ
_LEAST = 20


def tried(examples: int, sample: int | None = None) -> settings:
    """Try a property with so many examples where there is time, with fewer, or a `sample`, where there is not."""
    return settings(max_examples=examples if IS_THOROUGH else sample or max(_LEAST, examples // 5))
