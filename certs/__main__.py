"""`python -m certs`: bootstrap, rotate and look at the certificates in a directory or a Secret."""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from certs.authority import CertificateError, serving_faults
from certs.directory import DirectoryStore
from certs.model import KEY_TYPES, Holding, Lifetimes, Settings
from certs.rotation import ensure, rotated, settings_of, summary

if TYPE_CHECKING:
    from certs.secret import SecretStore

DEFAULT_NAMES = ("injector.injector-system.svc", "localhost", "127.0.0.1")


def main(arguments: list[str] | None = None) -> int:
    """Run the command that the arguments name; 0 when done, 1 when something is at fault, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
    except (CertificateError, ValueError) as error:
        print(error, file=sys.stderr)
    return 1


def bootstrap(options: argparse.Namespace) -> int:
    """Create what is missing and renew what is due; what is there and good stays as it is."""
    held = ensure(_store(options), _settings(options), _now())
    return _show(held, options)


def rotate(options: argparse.Namespace) -> int:
    """Renew the serving certificate now; with --authority take the next step of a rotation of the authority."""

    def step(held: Holding | None) -> Holding:
        if held is None:
            raise ValueError(f"{_place(options)}: nothing to rotate here; run `python -m certs bootstrap` first")
        settings = _settings(options) if options.names else replace(_settings(options), names=settings_of(held).names)
        # Who else uses a Secret is for the running injector to see.
        return rotated(held, settings, _now(), authority=options.authority, is_served=bool(options.secret))

    return _show(_store(options).update(step), options)


def status(options: argparse.Namespace) -> int:
    """Say what is there, and what is wrong with it."""
    held = _store(options).load()
    if held is None:
        raise ValueError(f"{_place(options)}: no certificates; run `python -m certs bootstrap` first")
    return _show(held, options)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "bootstrap": bootstrap,
    "rotate": rotate,
    "status": status,
}


def _show(held: Holding, options: argparse.Namespace) -> int:
    settings, now = _settings(options), _now()
    for line in summary(held, settings):
        print(line)
    faults = serving_faults(held.serving, held.authority.certificate, settings.names if options.names else (), now)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m certs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="bootstrap|rotate|status")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        sub.add_argument("--dir", type=Path, default=Path(".injector-certs"), help="where they are kept (%(default)s)")
        sub.add_argument("--secret", metavar="NAMESPACE/NAME", help="a Secret in place of a directory")
        sub.add_argument("--kubeconfig", type=Path, help="how to reach its cluster, as kubectl uses it")
        sub.add_argument("--context", help="context of the kubeconfig")
        sub.add_argument(
            "--names", type=lambda text: tuple(filter(None, text.split(","))), default=(), help="names, a,b"
        )
        sub.add_argument("--key-type", choices=KEY_TYPES, default=KEY_TYPES[0], help="of new keys (%(default)s)")
        sub.add_argument("--authority-days", type=float, default=365, help="lifetime (%(default)s)")
        sub.add_argument("--serving-days", type=float, default=7, help="lifetime (%(default)s)")
        sub.add_argument("--renewal", type=float, default=2 / 3, help="part of the lifetime after which to renew (2/3)")
        if command is rotate:
            sub.add_argument("--authority", action="store_true", help="rotate the authority, one step a call")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    lifetimes = Lifetimes(
        authority=timedelta(days=options.authority_days),
        serving=timedelta(days=options.serving_days),
        renewal=options.renewal,
    )
    return Settings(names=options.names or DEFAULT_NAMES, lifetimes=lifetimes, key_type=options.key_type)


def _place(options: argparse.Namespace) -> str:
    return f"Secret {options.secret}" if options.secret else str(options.dir)


def _store(options: argparse.Namespace) -> "DirectoryStore | SecretStore":
    if not options.secret:
        return DirectoryStore(options.dir)
    # The official client takes its time to load: not for a directory.
    from certs.secret import SecretStore, connect  # noqa: PLC0415

    namespace, slash, name = options.secret.partition("/")
    if not (namespace and slash and name):
        raise ValueError(f"--secret {options.secret}: expected NAMESPACE/NAME")
    return SecretStore(connect(options.kubeconfig, options.context), namespace, name)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
