"""Kubernetes resource quantities in canonical form.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import ROUND_UP, Context, Decimal, localcontext
from typing import Any

from injector.core.errors import quoted

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:(?P<suffix>n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"": 0, "Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_FACTORS = {
    **{suffix: Decimal(10) ** power for suffix, power in _DECIMAL.items()},
    **{suffix: Decimal(1024) ** power for suffix, power in _BINARY.items()},
}
_SMALLEST = Decimal("1e-9")
# Room for every digit of what is still taken for a quantity: its text is bounded, its exponent has three digits.
_LONGEST = 100
_HIGHEST_EXPONENT = 999
_EXACT = Context(prec=1_200)


def canonical_quantity(text: str) -> str:
    """The quantity as the API server writes it: no fraction, the largest suffix that keeps the number whole.

    Raises ValueError where `text` is no quantity.
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(
            f"{quoted(text)} is not a quantity; valid: a number with a suffix such as m, k, M, G, Ki, Mi, Gi"
        )
    with localcontext(_EXACT):
        return _written(match)


def decimal_value(text: str) -> Decimal:
    """The number that the quantity `text` stands for. Raises ValueError where it is none."""
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{quoted(text)} is not a quantity")
    number, suffix, exponent = match.groups()
    if exponent is not None:
        return _EXACT.scaleb(Decimal(number), int(exponent))
    # With a context of its own: this is asked for every quantity of a pod, and to set one takes longer than the rest.
    return _EXACT.multiply(Decimal(number), _FACTORS[suffix]) if suffix else Decimal(number)


def _written(match: re.Match[str]) -> str:
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if suffix in _BINARY and suffix:
        return _binary(number * Decimal(1024) ** _BINARY[suffix])
    if match["exponent"] is not None:
        return _with_exponent(number * Decimal(10) ** int(match["exponent"]))
    return _decimal(number * Decimal(10) ** _DECIMAL[suffix])


def canonical_quantities(resources: dict[str, Any]) -> dict[str, Any]:
    """A container's resources with every limit and request in canonical form; what is no quantity stays."""
    return {
        kind: {name: _canonical_or_same(value) for name, value in amounts.items()}
        if kind in ("limits", "requests") and isinstance(amounts, dict)
        else amounts
        for kind, amounts in resources.items()
    }


def _canonical_or_same(value: Any) -> Any:
    try:
        return canonical_quantity(str(value))
    except ValueError:
        return value


def _decimal(value: Decimal) -> str:
    value = value.quantize(_SMALLEST, rounding=ROUND_UP) if value % _SMALLEST else value
    for suffix, power in sorted(_DECIMAL.items(), key=lambda item: -item[1]):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value() and (scaled or not suffix):
            return f"{int(scaled)}{suffix}"
    return f"{value:f}"


def _with_exponent(value: Decimal) -> str:
    for power in range(_HIGHEST_EXPONENT, -12, -3):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value() and (scaled or not power):
            return f"{int(scaled)}e{power}" if power else str(int(scaled))
    return f"{value:f}"


def _binary(value: Decimal) -> str:
    if value != value.to_integral_value():
        return _decimal(value)
    for suffix, power in sorted(_BINARY.items(), key=lambda item: -item[1]):
        scaled = value / Decimal(1024) ** power
        if scaled == scaled.to_integral_value() and (scaled or not suffix):
            return f"{int(scaled)}{suffix}"
    return f"{int(value)}"
