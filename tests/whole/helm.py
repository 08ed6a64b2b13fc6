"""One action of Helm on the chart of this checkout: `python -m tests.whole.helm ACTION`, values as JSON on stdin."""

import json
import os
import sys
from pathlib import Path

import helm_python

from tests.chart.rendering import NAMESPACE, RELEASE, chart


def main(action: str) -> None:
    """Carry out `action` in the cluster that KUBECONFIG names."""
    values = json.load(sys.stdin)
    with helm_python.Config(kubeconfig_path=Path(os.environ["KUBECONFIG"]), namespace=NAMESPACE) as helm:
        if action == "install":
            helm.install(chart(), RELEASE, values, namespace=NAMESPACE, create_namespace=True)
        elif action == "upgrade":
            helm.upgrade(chart(), RELEASE, values, namespace=NAMESPACE)
        elif action == "rollback":
            helm.rollback(RELEASE)
        elif action == "test":
            sys.stdout.write(str(helm.test(RELEASE, logs=True)))
        elif action == "uninstall":
            helm.uninstall(RELEASE)
        else:
            sys.exit(f"{action}: no such action; valid: install, upgrade, rollback, test, uninstall")


if __name__ == "__main__":
    main(sys.argv[1])
