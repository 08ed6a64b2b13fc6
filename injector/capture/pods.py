"""What an injected pod captures: read from the arguments of its own init container, so that nothing is told twice."""

from injector.capture.arguments import Capture, read_arguments
from injector.core.model import Pod
from injector.core.pods import containers

APPLY = ["capture", "apply"]


def capture_of_pod(pod: Pod) -> Capture | None:
    """What the pod's init container captures; None where no container of the pod runs `injector capture apply`.

    Raises ArgumentFaults where its arguments are wrong.
    """
    for container in containers(pod, "initContainers"):
        arguments = [str(each) for each in container.get("args") or ()]
        if arguments[: len(APPLY)] == APPLY:
            return read_arguments(arguments[len(APPLY) :])
    return None
