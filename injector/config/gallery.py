"""The gallery: templates to start from, each a folder with its configuration, its page and its tests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from injector.config.loader import sample_files
from injector.core.errors import suggestion

CONFIGURATION, PAGE, TESTS = "injector.yaml", "README.md", "tests"
STARTER = "minimal"
"""The entry that a new template starts from where none is named."""

_FOLDER = "templates"
# Templates are named in annotations, separated by commas: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class GalleryEntry:
    """One template of the gallery: the folder that holds it."""

    name: str
    folder: Path

    @property
    def summary(self) -> str:
        """What it is, in the first sentence of its page."""
        _, _, text = (self.folder / PAGE).read_text(encoding="utf-8").partition("\n\n")
        return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".")

    def files_as(self, name: str) -> dict[str, str]:
        """The configuration, its tests and the objects beside it, by path, with the template called `name`.

        Raises ValueError for a name that a template cannot have.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a template cannot be called {name!r:.80}; valid: lower-case letters, digits and '-'")
        files = sorted([*self.folder.glob("*.yaml"), *(self.folder / TESTS).iterdir()])
        texts = {str(path.relative_to(self.folder)): path.read_text(encoding="utf-8") for path in files}
        return {**texts, CONFIGURATION: self._configuration_as(name)}

    def _configuration_as(self, name: str) -> str:
        """The configuration, in which two lines name the template: that of the default, and the key of its text."""
        text = (self.folder / CONFIGURATION).read_text(encoding="utf-8")
        text = text.replace(f"\ndefaultTemplates: [{self.name}]\n", f"\ndefaultTemplates: [{name}]\n", 1)
        return text.replace(f"\n  {self.name}: |\n", f"\n  {name}: |\n", 1)


def gallery() -> Mapping[str, GalleryEntry]:
    """The entries by name."""
    files = sample_files(_FOLDER, pattern=f"*/{CONFIGURATION}")
    return {path.parent.name: GalleryEntry(path.parent.name, path.parent) for path in files}


def gallery_entry(name: str) -> GalleryEntry:
    """The entry called `name`. Raises ValueError, with the nearest name, where there is none."""
    entries = gallery()
    if name not in entries:
        raise ValueError(f"the gallery has no {name!r:.80}; {suggestion(name, list(entries))}")
    return entries[name]
