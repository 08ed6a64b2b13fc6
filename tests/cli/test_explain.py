"""`injector explain` with a pod from a file: the answer, and its exit status."""

import pytest

from tests.cli.running import run

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"


def test_an_injected_pod_is_the_same_now_and_another_one_under_other_values() -> None:
    injected = run("inject", "-f", "-", given=POD).stdout
    same = run("explain", "-f", "-", given=injected)
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.startswith('Pod "default/shop"\nthen: injected by revision default: ')
    other = run("explain", "-f", "-", "--set", "values.global.tag=new", "--digest", "abc", given=injected)
    assert other.returncode == 1
    assert "+image: registry.istio.io/release/proxyv2:new" in other.stdout
    assert "configuration: abc then, " in other.stdout


def test_a_pod_with_empty_metadata_is_explained() -> None:
    found = run("explain", "-f", "-", given="kind: Pod\nmetadata:\nspec:\n  containers:\n  - name: app\n    image: x\n")
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout.startswith('Pod "default"\n')


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ((), "", "Usage"),
        (("shop", "-f", "-"), POD, "Usage"),
        (("-f", "-"), "kind: Job", "-: holds no pods, expected 1"),
        (("-f", "-"), "kind: Pod\nspec: []\n---\nkind: Pod\n", "-: holds 2 pods, expected 1"),
        (("-f", "-"), "kind: Pod\nspec: []", "spec: must be a mapping"),
        (("shop", "--kubeconfig", "missing"), "", "missing: cannot be read"),
    ],
)
def test_errors_are_exit_status_2(arguments: tuple[str, ...], given: str, message: str) -> None:
    found = run("explain", *arguments, given=given)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr
