"""CA bundles in webhook configurations: where they belong, where they are missing, what to write. Pure.

A field that several managers own stays when one of them no longer applies it. An entry of which the injector owned the
CA bundle could therefore not be taken out by whoever applied it: without its other fields it is not valid, and the
upgrade of the release fails. So the injector gives up what it owns as soon as it is written; a field that nobody owns
stays, and goes with its entry. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
and, for lists, #merge-strategy.
"""

import re
import ssl
from base64 import b64encode

from injector.cluster.api import FIELD_MANAGER
from injector.cluster.resources import WEBHOOK_CONFIGURATIONS
from injector.core.model import JsonObject

ENTRY_SUFFIX = "sidecar-injector.istio.io"

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


def own_entries(configuration: JsonObject) -> list[JsonObject]:
    """The entries of a webhook configuration that call this injector."""
    return [each for each in configuration.get("webhooks") or () if each["name"].endswith(ENTRY_SUFFIX)]


def lacking(configuration: JsonObject, bundle: bytes) -> list[str]:
    """The names of the own entries that have another CA bundle than `bundle`, or none."""
    wanted = b64encode(bundle).decode()
    return [each["name"] for each in own_entries(configuration) if each["clientConfig"].get("caBundle") != wanted]


def bundles_only(configuration: JsonObject, bundle: bytes) -> JsonObject:
    """What is applied: the CA bundles of the own entries, keyed by their names, and nothing else."""
    encoded = b64encode(bundle).decode()
    return {
        "apiVersion": WEBHOOK_CONFIGURATIONS.api_version,
        "kind": WEBHOOK_CONFIGURATIONS.kind,
        # Applied to another object of the same name it would be refused, not taken for this one.
        "metadata": {"name": configuration["metadata"]["name"], "uid": configuration["metadata"]["uid"]},
        "webhooks": [
            {"name": each["name"], "clientConfig": {"caBundle": encoded}} for each in own_entries(configuration)
        ],
    }


def is_owned(configuration: JsonObject) -> bool:
    """Whether the injector owns fields of a webhook configuration."""
    return any(each.get("manager") == FIELD_MANAGER for each in _managers(configuration))


def released(configuration: JsonObject) -> JsonObject:
    """The merge patch by which the injector owns nothing of `configuration` any more, as long as nobody changes it."""
    others = [each for each in _managers(configuration) if each.get("manager") != FIELD_MANAGER]
    metadata = {key: configuration["metadata"][key] for key in ("name", "resourceVersion")}
    # Of an empty list the API server takes no notice.
    return {"metadata": {**metadata, "managedFields": others or [{}]}}


def bundle_fault(bundle: bytes) -> str:
    """Why API servers could not use `bundle` (reference 17.2): its first PEM block has to be an X.509 certificate."""
    first = _PEM_BLOCK.search(bundle)
    if first is None or first[1] != b"CERTIFICATE":
        found = "no PEM block" if first is None else f"a PEM block {first[1].decode()!r} first"
        return f"the CA bundle has {found}; valid: certificates"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=first[0].decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        return f"the first certificate of the CA bundle cannot be read: {error}"
    return ""


def _managers(configuration: JsonObject) -> list[JsonObject]:
    return configuration["metadata"].get("managedFields") or []
