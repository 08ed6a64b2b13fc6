"""What `POST /preview` takes and answers, as OpenAPI describes it.

Source: https://spec.openapis.org/oas/v3.1.0
"""

from typing import Any

from injector.reports.evaluate import WORKLOADS

MEDIA_TYPES = ("application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/plain")

_OBJECT: dict[str, Any] = {"type": "object"}
_POD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "metadata": _OBJECT,
        "spec": {"type": "object", "properties": {"containers": {"type": "array", "items": _OBJECT}}},
    },
}
_WORKLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"anyOf": [{"enum": sorted(WORKLOADS)}, {"type": "string"}]},
        "metadata": _OBJECT,
        "spec": {"anyOf": [_POD["properties"]["spec"], {"type": "object", "properties": {"template": _POD}}]},
    },
}
_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["object", "decision", "patch", "diff", "result", "warnings"],
    "properties": {
        "object": {**_OBJECT, "description": "the workload as given"},
        "namespace": {"type": "string"},
        "decision": {
            "type": "object",
            "required": ["inject", "reason", "message", "trace"],
            "properties": {
                "inject": {"type": "boolean"},
                "reason": {"type": "string"},
                "message": {"type": "string"},
                "trace": {"type": "array", "items": _OBJECT, "description": "every rule looked at, in order"},
            },
        },
        "allowed": {"type": "boolean", "description": "false: the pod would be refused, `error` says why"},
        "error": {"type": "string"},
        "templates": {"type": "array", "items": {"type": "string"}},
        "patch": {"type": "array", "items": _OBJECT, "description": "JSON Patch from `object` to `result`"},
        "diff": {"type": "string", "description": "the change as text, grouped"},
        "result": {**_OBJECT, "description": "the workload whose pods come out injected"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "capture": {"type": "string", "description": "the redirection rules of the pod, if it has any of this project"},
    },
}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "workloads in YAML or JSON: several documents, Lists; Namespaces and Nodes count as the cluster's",
    "content": {
        media_type: {"schema": _WORKLOAD if media_type == "application/json" else {"type": "string"}}
        for media_type in MEDIA_TYPES
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one item for each workload",
        "content": {"application/json": {"schema": {"type": "array", "items": _ITEM}}},
    },
    400: {"description": "no body, or one that holds no Kubernetes objects"},
    408: {"description": "the body did not arrive in time"},
    413: {"description": "the body, or the number of workloads in it, is over the limit"},
    415: {"description": f"a Content-Type other than {', '.join(MEDIA_TYPES)}"},
    503: {"description": "too many previews are waiting, or this one takes too long"},
}
