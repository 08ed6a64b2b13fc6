"""The bundled editor is the one that tools/editor/package-lock.json pins."""

import json

from tests.support import REPOSITORY

EDITOR = REPOSITORY / "tools" / "editor"
PAGE = REPOSITORY / "injector" / "server" / "page"


def test_the_bundle_holds_the_pinned_versions_and_their_licences() -> None:
    banner = (PAGE / "codemirror.js").read_text(encoding="utf-8").partition("\n")[0]
    bundled = dict(
        package.rsplit("@", 1) for package in banner.removeprefix("/* ").partition(". Licences")[0].split(", ")
    )
    locked = json.loads((EDITOR / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    asked = json.loads((EDITOR / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    licences = (PAGE / "codemirror.LICENSE").read_text(encoding="utf-8")
    assert {f"node_modules/{name}": version for name, version in bundled.items()}.items() <= {
        name: package.get("version") for name, package in locked.items()
    }.items()
    assert asked.keys() - bundled.keys() == {"esbuild"}
    assert [name for name in bundled if name not in licences] == []
