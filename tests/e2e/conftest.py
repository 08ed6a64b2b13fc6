"""One control plane for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster, assets


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running control plane; skipped with one line where its programs are not there."""
    programs = assets()
    if programs is None:
        pytest.skip("KUBEBUILDER_ASSETS is not set: get the programs with setup-envtest, or see the README, End to end")
    started = Cluster(programs, tmp_path_factory.mktemp("cluster"))
    try:
        started.start()
        yield started
    finally:
        started.stop()
