"""Quantities as the API server writes them (reference, conventions)."""

import pytest

from injector.core.quantity import canonical_quantities, canonical_quantity

CANONICAL = [
    ("2000m", "2"),
    ("1024Mi", "1Gi"),
    ("3000m", "3"),
    ("100m", "100m"),
    ("0.5", "500m"),
    (".5", "500m"),
    ("1.", "1"),
    ("1500m", "1500m"),
    ("1000", "1k"),
    ("1000k", "1M"),
    ("1.5Gi", "1536Mi"),
    ("0.5Mi", "512Ki"),
    ("0", "0"),
    ("0m", "0"),
    ("0Mi", "0"),
    ("-1", "-1"),
    ("+1", "1"),
    ("1e3", "1e3"),
    ("1E3", "1e3"),
    ("1500e-3", "1500e-3"),
    ("0.0000000001", "1n"),
    ("1Ei", "1Ei"),
    ("12E", "12E"),
    ("1000E", "1000E"),
    ("12345678901234567890", "12345678901234567890"),
    ("1e999", "1e999"),
    ("12e20", "1200e18"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_a_quantity_in_its_canonical_form(text: str, canonical: str) -> None:
    assert canonical_quantity(text) == canonical
    assert canonical_quantity(canonical) == canonical


@pytest.mark.parametrize(
    "text", ["", "m", "1 m", "1mi", "1MiB", "1e", "0x1", "1,5", "--1", "1e3m", "NaN", "\u0661", "1" * 101]
)
def test_other_text_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity; valid: "):
        canonical_quantity(text)


def test_limits_and_requests_of_a_container_and_nothing_else() -> None:
    resources = {"limits": {"cpu": "2000m", "memory": 1024, "odd": "x y"}, "claims": [{"name": "1000m"}]}
    assert canonical_quantities(resources) == {
        "limits": {"cpu": "2", "memory": "1024", "odd": "x y"},
        "claims": [{"name": "1000m"}],
    }
