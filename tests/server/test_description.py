"""What the served description promises is kept: requests made from it, right and wrong ones, break nothing."""

import io
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import create_app
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.support import default_setup

EXAMPLES = 200
application = create_app(Service(State(default_setup(), EMPTY_SNAPSHOT)), Telemetry(io.BytesIO()))
schema = schemathesis.openapi.from_asgi("/openapi.json", application)


@schema.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_no_request_made_from_the_description_breaks_the_server(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=[not_a_server_error])
