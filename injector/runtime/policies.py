"""What a cluster says of policies before they are applied."""

from collections.abc import Iterable

from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.policies import refusals
from injector.core.model import JsonObject
from injector.runtime.config_sources import Connection
from injector.runtime.errors import as_input_error


def refusals_of(documents: Iterable[JsonObject], connection: Connection) -> list[str]:
    """Why the API server would not take the policies, one line each. Raises InputError where it cannot be asked."""
    with as_input_error(ClusterError):
        return list(refusals(connect(*connection), documents))
