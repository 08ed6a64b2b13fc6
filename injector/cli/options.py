"""The options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("-c", "--config", help="Configuration file. Repeatable: later files win.", show_default=False),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", help="One configuration value, path.to.key=value. Repeatable.", show_default=False),
]
SnapshotFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--snapshot", help="File of Namespaces and Nodes that stands in for a cluster.", show_default=False),
]
Kubeconfig: TypeAlias = Annotated[
    Path | None,
    typer.Option("--kubeconfig", help="How to reach a cluster, as for kubectl.", show_default=False),
]
Context: TypeAlias = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig to use.", show_default=False)
]
InputFile: TypeAlias = Annotated[
    Path, typer.Option("-f", "--filename", help="File to read; - is standard input.", show_default=False)
]
InCluster: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--cluster/--no-cluster",
        help="Whether to ask a cluster. By default inside one, or with --kubeconfig or --context.",
        show_default=False,
    ),
]
OwnNamespace: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        help="Namespace of the injector's Secret, Service and Lease. By default the one it runs in.",
        show_default=False,
    ),
]
WebhookConfig: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="MutatingWebhookConfiguration that calls the injector. Repeatable.", show_default=False),
]
CertSecret: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Secret that holds the authority and the serving certificate.", show_default=False),
]
