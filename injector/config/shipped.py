"""The templates that come with the injector: the packaged directory first, the checkout's second.

In an editable install nothing is packaged, so the directory `templates/` beside the package is the one that is edited.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_DIRECTORIES = (_PACKAGE / "templates", _PACKAGE.parent / "templates")
_SUFFIX = ".yaml.j2"


def template_files(directories: Sequence[Path] = _DIRECTORIES) -> Mapping[str, Path]:
    """Name to file of every shipped template, from the first of `directories` that has any.

    Names that begin with `_` are libraries for other templates. Raises FileNotFoundError where there is none.
    """
    for directory in directories:
        files = {path.name.removesuffix(_SUFFIX): path for path in sorted(directory.glob(f"*{_SUFFIX}"))}
        if files:
            return files
    raise FileNotFoundError(f"no shipped templates (*{_SUFFIX}) in {' or '.join(map(str, directories))}")
