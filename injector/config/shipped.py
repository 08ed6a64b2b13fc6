"""The files that come with the injector: the packaged directory first, the checkout's second.

In an editable install nothing is packaged, so `templates/` and `samples/` beside the package are what is edited.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath

_PACKAGE = FilePath(__file__).resolve().parent.parent
_PLACES = (_PACKAGE, _PACKAGE.parent)
_DIRECTORIES = tuple(place / "templates" for place in _PLACES)
_SUFFIX = ".yaml.j2"


def template_files(directories: Sequence[FilePath] = _DIRECTORIES) -> Mapping[str, FilePath]:
    """Name to file of every shipped template, from the first of `directories` that has any.

    Names that begin with `_` are libraries for other templates. Raises FileNotFoundError where there is none.
    """
    for directory in directories:
        files = {path.name.removesuffix(_SUFFIX): path for path in sorted(directory.glob(f"*{_SUFFIX}"))}
        if files:
            return files
    raise FileNotFoundError(f"no shipped templates (*{_SUFFIX}) in {' or '.join(map(str, directories))}")


def sample_files(name: str, places: Sequence[FilePath] = _PLACES) -> Sequence[FilePath]:
    """The YAML files of the shipped sample `name`, sorted. Raises FileNotFoundError where there is none."""
    for place in places:
        files = sorted((place / "samples" / name).glob("*.yaml"))
        if files:
            return files
    raise FileNotFoundError(f"no sample {name!r} in {' or '.join(str(place / 'samples') for place in places)}")
