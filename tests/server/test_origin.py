"""A preview is asked for by its own page, under a name that no other site can have."""

import pytest

from injector.server.origin import refuse_other_sites
from injector.server.request_body import RequestRefused


def scope(host: str, origin: str | None = None) -> dict[str, object]:
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    return {"type": "http", "headers": headers}


@pytest.mark.parametrize(
    "host",
    ["localhost:15018", "127.0.0.1:15018", "[::1]:15018", "10.1.2.3", "injector.mesh.svc", "injector", "LOCALHOST"],
)
def test_names_of_this_machine_and_cluster_are_answered(host: str) -> None:
    refuse_other_sites(scope(host), any_host=False)
    refuse_other_sites(scope(host, f"https://{host}"), any_host=False)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:15018", "127.0.0.1.evil.example", "", "[::1", "a.svc.evil.example"]
)
def test_a_name_that_another_site_may_have_is_refused(host: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        refuse_other_sites(scope(host), any_host=False)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://localhost:1", "http://localhost.evil.example"]
)
def test_a_page_of_another_site_may_not_ask_whatever_this_one_is_called(origin: str) -> None:
    for any_host in (True, False):
        with pytest.raises(RequestRefused) as refused:
            refuse_other_sites(scope("localhost:15018", origin), any_host=any_host)
        assert refused.value.status == 403


def test_behind_a_door_any_name_will_do() -> None:
    refuse_other_sites(scope("preview.example.com", "https://preview.example.com"), any_host=True)
