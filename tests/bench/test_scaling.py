"""The page on scaling shows what its model prints."""

from tests.bench.scaling import NEVER_SEEN_MS, page, replicas, simulated
from tests.support import REPOSITORY


def test_the_page_shows_exactly_what_the_model_prints() -> None:
    text = (REPOSITORY / "docs" / "scaling.md").read_text(encoding="utf-8")
    shown = text.split("<!-- scaling -->\n")[1].split("<!-- end of scaling -->")[0]
    assert shown == page(NEVER_SEEN_MS)


def test_replicas_keep_the_utilisation_with_one_to_spare() -> None:
    assert replicas(1_000, 1.0, 0.5) == 3
    assert replicas(1_001, 1.0, 0.5) == 4


def test_waiting_grows_with_utilisation_and_only_overload_is_shed() -> None:
    calm, busy, over = (simulated(1.0, utilisation) for utilisation in (0.3, 0.9, 1.5))
    assert calm[0] < busy[0] < over[0]
    assert calm[1] == busy[1] == 0
    assert 0.3 < over[1] < 0.34
