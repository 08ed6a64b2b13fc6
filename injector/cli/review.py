"""`injector review`: one AdmissionReview in, one out, as the webhook answers it."""

from injector.cli.options import ConfigFiles, InputFile, Sets, SnapshotFile
from injector.core.admission import admit_request
from injector.core.review import BadReview, parse_review, respond
from injector.runtime.errors import ASK_PREVIEW, InputError
from injector.runtime.inputs import read_bytes
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.terminal import write


def review(filename: InputFile, config: ConfigFiles = None, sets: Sets = None, snapshot: SnapshotFile = None) -> None:
    """Answer the AdmissionReview in a file exactly as the webhook would."""
    setup, cluster = read_setup(config, sets), snapshot_of(snapshot)
    body = read_bytes(str(filename))
    try:
        request = parse_review(body)
    except BadReview as error:
        hint = "" if b"AdmissionReview" in body else ASK_PREVIEW
        raise InputError(f"{filename}: {error}{hint}") from error
    write(respond(request, admit_request(request, setup, cluster)).decode() + "\n")
