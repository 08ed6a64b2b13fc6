"""`injector template`: the templates in force, new ones to start from, and tests of one's own."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import orjson
import typer

from injector.cli.options import Command, ConfigFiles, Context, Group, Kubeconfig, Sets, SnapshotFile, namespace_option
from injector.config import Loaded
from injector.config.gallery import CONFIGURATION, STARTER, gallery, gallery_entry
from injector.config.loader import template_files
from injector.core.setup import set_up
from injector.reports.evaluate import DEFAULT_NAMESPACE, PreviewOptions
from injector.reports.template_tests import Suite, Trial, junit_text, suite_text
from injector.reports.templates import columns, describe_template, describe_templates, list_text, template_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError
from injector.runtime.loading import checked_setup, read_configuration, snapshot_of
from injector.runtime.template_tests import configuration_of, run_folder, update_folder, write_files
from injector.runtime.terminal import output_paint, show, warn, write

_FAILED = 1
_SHIPPED = "shipped"


class Output(StrEnum):
    """How templates are described."""

    TEXT = "text"
    JSON = "json"


_Output: TypeAlias = Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")]
_Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the template.", show_default=False)]
_Folders: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="DIR", help="Folder of tests, or one with a folder `tests`.", show_default=False)
]

template = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@template.callback()
def _template() -> None:
    """List, show, begin and test templates."""


@template.command("list", cls=Command)
def list_templates(  # noqa: PLR0913, PLR0917 -- one parameter an option
    gallery_too: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--gallery", help="List the templates to start from instead.")
    ] = False,
    output: _Output = Output.TEXT,
    config: ConfigFiles = None,
    sets: Sets = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List the templates in force: language, source, and what each adds to a pod; * marks the default ones."""
    if gallery_too:
        entries = [{"name": each.name, "summary": each.summary} for each in gallery().values()]
        rows = [("NAME", "IS"), *((each["name"], each["summary"]) for each in entries)]
        if output is Output.JSON:
            write(_json(entries))
        else:
            show(columns(rows, output_paint()))
        return
    loaded = read_configuration(config, sets, Connection(kubeconfig, context))
    templates = describe_templates(set_up(loaded.config, optimise=False), _sources(loaded))
    if output is Output.JSON:
        write(_json([each.as_json() for each in templates]))
    else:
        show(list_text(templates, output_paint()))


@template.command("show", cls=Command)
def show_template(  # noqa: PLR0913, PLR0917 -- one parameter an option
    name: _Name,
    output: _Output = Output.TEXT,
    config: ConfigFiles = None,
    sets: Sets = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show a template: what it adds, for which pods, the annotations that it reads, and its text."""
    loaded = read_configuration(config, sets, Connection(kubeconfig, context))
    try:
        found = describe_template(set_up(loaded.config, optimise=False), name, _sources(loaded))
    except ValueError as error:
        raise InputError(str(error)) from error
    if output is Output.JSON:
        write(_json(found.as_json()))
    else:
        show(template_text(found, output_paint()))


@template.command("new", cls=Command)
def begin_template(
    name: _Name,
    start: Annotated[
        str, typer.Option("--from", metavar="GALLERY", help="Template to start from; `list --gallery` names them.")
    ] = STARTER,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File to write (mine.yaml); a directory, or a name without a suffix, gets tests too. By default "
            "standard output.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Begin a template of one's own: a configuration that holds it, from the gallery."""
    try:
        files = gallery_entry(start).files_as(name)
    except ValueError as error:
        raise InputError(str(error)) from error
    if output in ("", "-"):
        write(files[CONFIGURATION])
    elif _is_folder(output):
        warn(f"wrote {path}" for path in write_files(Path(output), list(files.items())))
        warn([f"next: injector template test {output}"])
    else:
        target = Path(output)
        warn(f"wrote {path}" for path in write_files(target.parent, [(target.name, files[CONFIGURATION])]))
        warn([f"next: injector check -c {output}"])


def _is_folder(output: str) -> bool:
    path = Path(output)
    return output.endswith("/") or path.is_dir() or not (path.suffix or path.exists())


@template.command("test", cls=Command)
def run_tests(  # noqa: PLR0913, PLR0917 -- one parameter an option
    folders: _Folders,
    namespace: Annotated[str, namespace_option("Namespace of workloads that name none.")] = DEFAULT_NAMESPACE,
    update: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--update", help="Write the results as what is expected.")
    ] = False,
    junit: Annotated[
        str, typer.Option("--junit", metavar="FILE", help="Write the outcomes as JUnit XML too.", show_default=False)
    ] = "",
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
) -> None:
    """Inject the workloads of each file in DIR, and compare the result with the file `.expected.yaml` beside it.

    The configuration is `injector.yaml` in DIR, or in the folder above it, unless -c names another.

    Exit status: 0 all is as expected, 1 something is not.
    """
    known, suites = snapshot_of(snapshot), list[Suite]()
    for folder in folders:
        loaded = read_configuration(config or configuration_of(folder), sets)
        setup = checked_setup(loaded, optimise=False)
        trial = Trial(setup, known, PreviewOptions(namespace))
        if update:
            suite, written = update_folder(folder, trial)
            warn(f"wrote {path}" for path in written)
        else:
            suite = run_folder(folder, trial)
        suites.append(suite)
    if junit:
        _write_junit(Path(junit), junit_text(suites))
    show(suite_text(suites, output_paint()))
    if not all(outcome.passed for suite in suites for outcome in suite.outcomes):
        raise typer.Exit(_FAILED)


def _write_junit(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _sources(loaded: Loaded) -> Mapping[str, str]:
    """Where each template was written: file and line, or that it is shipped."""
    shipped = {str(path) for path in template_files().values()}
    return {
        name: _SHIPPED if file in shipped else f"{file}:{line}"
        for name, (file, line) in loaded.template_origins.items()
    }


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"
