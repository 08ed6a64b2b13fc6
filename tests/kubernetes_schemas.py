"""Kubernetes' own schemas of its objects, each read once: their package reads a megabyte for every object."""

from functools import cache
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils

utils.schema_contents = cache(utils.schema_contents)
ValidationError = kubernetes_validate.ValidationError
_VERSION = kubernetes_validate.latest_version()


def validate(document: Any) -> None:
    """Raise ValidationError where the newest Kubernetes does not accept `document`, or does not know a field of it."""
    kubernetes_validate.validate(document, _VERSION, strict=True)
