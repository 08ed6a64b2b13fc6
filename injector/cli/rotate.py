"""`injector rotate`: renew certificates now, before they are due."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from certs.model import Holding
from certs.rotation import rotated, settings_of, summary
from injector.cli.options import CertSecret, Context, Kubeconfig, OwnNamespace, ReleaseName
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.rotation import Meant, store_of
from injector.runtime.terminal import write

_FURTHER_STEPS = """\
The servers take the further steps, a few seconds each: the new authority is published in every CA bundle, then it
signs, then the old one is taken out. `injector check` shows when that is done.
"""


def rotate(  # noqa: PLR0913, PLR0917 -- one parameter an option
    authority: Annotated[bool, typer.Option("--authority", help="Replace the authority too, without a gap.")] = False,  # noqa: FBT002 -- an option
    cert_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory of a server without a cluster.", show_default=False),
    ] = None,
    cert_secret: CertSecret = None,
    namespace: OwnNamespace = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    release: ReleaseName = "",
) -> None:
    """Renew the serving certificate now, with the names and lifetimes that it has; with --authority its authority too.

    Which: --cert-dir, --cert-secret, else those of the release in the cluster, or of the server in this container, as
    in kubectl exec -n injector-system deploy/injector -- injector rotate. Exit status: 0 done, 1 it could not be done.
    """
    connection = Connection(kubeconfig, context)
    store = store_of(Meant(connection, namespace or "", cert_secret or "", cert_dir, release))

    def step(held: Holding | None) -> Holding:
        if held is None:
            raise InputError(f"{store}: holds no certificates; a server that starts makes them")
        return rotated(held, settings_of(held), datetime.now(UTC), authority=authority, is_served=cert_dir is None)

    with as_input_error(OSError, ValueError):
        held = store.update(step)
    write("".join(f"{line}\n" for line in summary(held, settings_of(held))))
    if authority and cert_dir is None:
        write(_FURTHER_STEPS)
