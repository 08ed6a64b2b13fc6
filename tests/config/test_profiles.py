"""Profiles, compatibility versions and platforms (reference 3.2)."""

from pathlib import Path

import pytest

from tests.config.files import loaded, warnings_of


def test_demo_asks_for_less(tmp_path: Path) -> None:
    """The limits stay."""
    resources = loaded(tmp_path, "values: {profile: demo}").config.values["global"]["proxy"]["resources"]
    assert resources["requests"] == {"cpu": "10m", "memory": "40Mi"}
    assert resources["limits"] == {"cpu": "2000m", "memory": "1024Mi"}


@pytest.mark.parametrize(
    ("profile", "metadata"),
    [("ambient", "ISTIO_META_ENABLE_HBONE"), ("preview", "ISTIO_META_DNS_CAPTURE")],
)
def test_ambient_and_preview_set_metadata_of_the_mesh(tmp_path: Path, profile: str, metadata: str) -> None:
    """Also when the profile stands below `global`."""
    config = loaded(tmp_path, f"values: {{global: {{profile: {profile}}}}}").config
    assert config.mesh_config["defaultConfig"]["proxyMetadata"] == {metadata: "true"}


def test_ambient_images_are_distroless(tmp_path: Path) -> None:
    """And the mesh's image type with them."""
    config = loaded(tmp_path, "values: {profile: ambient}").config
    assert config.values["global"]["variant"] == "distroless"
    assert config.mesh_config["defaultConfig"]["image"] == {"imageType": "distroless"}


@pytest.mark.parametrize("values", ["{platform: openshift}", "{global: {platform: openshift}}", "{profile: openshift}"])
def test_openshift_means_cni_with_multus_and_the_platform_s_user_ids(tmp_path: Path, values: str) -> None:
    """Whichever way it is named."""
    config = loaded(tmp_path, f"values: {values}").config
    assert config.values["pilot"]["cni"] == {"enabled": True, "provider": "multus"}
    assert config.platform == "openshift"


def test_the_native_platform_alone_does_not_switch_to_cni(tmp_path: Path) -> None:
    """It is the control plane's PLATFORM, not the chart's profile."""
    config = loaded(tmp_path, "platform: openshift").config
    assert config.values["pilot"]["cni"] == {"enabled": False, "provider": "default"}


@pytest.mark.parametrize("version", ["1.25", "'1.26'"])
def test_older_compatibility_versions_turn_native_sidecars_off(tmp_path: Path, version: str) -> None:
    """Also when the version is written like a number."""
    assert loaded(tmp_path, f"values: {{compatibilityVersion: {version}}}").config.native_sidecars == "disabled"


def test_what_is_configured_counts_more_than_the_profile(tmp_path: Path) -> None:
    """Profiles lie between the defaults and the user's values."""
    config = loaded(tmp_path, "values: {profile: openshift, pilot: {cni: {provider: default}}}").config
    assert config.values["pilot"]["cni"] == {"enabled": True, "provider": "default"}


def test_names_without_effect_are_warned_of(tmp_path: Path) -> None:
    """Never in silence."""
    text = "values:\n  profile: fancy\n  compatibilityVersion: 1.24\n  platform: gke\n"
    text += "  pilot: {env: {ENABLE_NATIVE_SIDECARS: maybe}}"
    warnings = warnings_of(tmp_path, text)
    assert [warning.rsplit(";")[0] for warning in warnings] == [
        "config.yaml:2: values.profile: profile 'fancy' has no effect here",
        "config.yaml:3: values.compatibilityVersion: version '1.24' has no effect here",
        "config.yaml:4: values.platform: platform 'gke' has no effect here",
        "config.yaml:5: values.pilot.env.ENABLE_NATIVE_SIDECARS: mode 'maybe' is read as false",
    ]
    assert loaded(tmp_path, text).config.native_sidecars == "disabled"
