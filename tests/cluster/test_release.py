"""Installed releases, found through their registration, and what they are configured with."""

import pytest

from injector.cluster.api import ClusterError
from injector.cluster.release import release_config, releases
from tests.chart.rendering import CLUSTER_NAME, EVERYTHING, NAMESPACE, rendered
from tests.cluster.objects_served import objects_served


def test_a_release_of_the_chart_is_found_with_its_configuration() -> None:
    with objects_served(rendered({"config": {"values": {"global": {"tag": "1.30.0"}}}})) as server:
        (release,) = releases(server)
        assert (release.name, release.revision, release.namespace) == (CLUSTER_NAME, "default", NAMESPACE)
        config = release_config(server, release)
    ((name, text),) = config.sources
    assert name == f"ConfigMap {NAMESPACE}/injector, config.yaml"
    assert "tag: 1.30.0" in (text or "")


def test_more_files_installations_and_tags_belong_to_one_release() -> None:
    with objects_served(rendered({**EVERYTHING, "server": {"extraArguments": ["--set", "policy=disabled"]}})) as server:
        (release,) = releases(server)
        assert len(release.configurations) == 3
        config = release_config(server, release)
    assert [name.rpartition(", ")[2] for name, _ in config.sources] == [
        "cluster://istio-system/1-30",
        "mesh.yaml",
        "config.yaml",
    ]
    assert config.sources[0][1] is None
    assert config.sets == ("policy=disabled",)


def test_without_a_registration_there_is_no_release() -> None:
    with objects_served([]) as server:
        assert releases(server) == []


def test_names_choose_among_several() -> None:
    documents = rendered()
    with objects_served(documents) as server:
        assert releases(server, ["other"]) == []
        assert [each.name for each in releases(server, [CLUSTER_NAME])] == [CLUSTER_NAME]


def test_a_release_without_a_service_or_a_deployment_is_one_without_arguments() -> None:
    for missing in ("Service", "Deployment"):
        documents = [each for each in rendered() if each["kind"] != missing]
        with objects_served(documents) as server:
            (release,) = releases(server)
            assert release.deployment is None
            assert release_config(server, release).sources == ()


def test_a_configuration_that_is_not_there_is_named() -> None:
    documents = [each for each in rendered() if each["kind"] != "ConfigMap"]
    with objects_served(documents) as server:
        (release,) = releases(server)
        with pytest.raises(ClusterError) as caught:
            release_config(server, release)
    assert f"/namespaces/{NAMESPACE}/configmaps/injector" in str(caught.value)
