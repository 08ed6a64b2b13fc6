"""One control plane for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster, control_plane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running control plane; skipped with one line where its programs are not there."""
    with control_plane(tmp_path_factory.mktemp("cluster"), pytest.skip) as started:
        yield started
