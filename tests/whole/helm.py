"""One action of Helm on the chart of this checkout, values as JSON on stdin.

`python -m tests.whole.helm ACTION [RELEASE NAMESPACE]`
"""

import json
import os
import sys
from pathlib import Path

import helm_python

from tests.chart.rendering import NAMESPACE, RELEASE, chart


def main(action: str, release: str = RELEASE, namespace: str = NAMESPACE) -> None:
    """Carry out `action` in the cluster that KUBECONFIG names."""
    values = json.load(sys.stdin)
    with helm_python.Config(kubeconfig_path=Path(os.environ["KUBECONFIG"]), namespace=namespace) as helm:
        if action == "install":
            helm.install(chart(), release, values, namespace=namespace, create_namespace=True)
        elif action == "upgrade":
            helm.upgrade(chart(), release, values, namespace=namespace)
        elif action == "rollback":
            helm.rollback(release)
        elif action == "test":
            sys.stdout.write(str(helm.test(release, logs=True)))
        elif action == "uninstall":
            helm.uninstall(release)
        else:
            sys.exit(f"{action}: no such action; valid: install, upgrade, rollback, test, uninstall")


if __name__ == "__main__":
    main(*sys.argv[1:])
