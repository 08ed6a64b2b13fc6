"""A pair in memory: for this process only, and always what was written last."""

import stat
from datetime import UTC, datetime

from certs.authority import create_authority, issue
from certs.model import KeyPair, Settings
from injector.cli.memory import PairFiles
from injector.server.run import ServingCertificate

SETTINGS = Settings(names=("localhost",))


def pair() -> KeyPair:
    now = datetime.now(UTC)
    return issue(create_authority(SETTINGS, now), SETTINGS, now)


def test_the_files_are_for_their_owner_only_and_on_no_disk() -> None:
    files = PairFiles(b"certificate", b"key")
    for file in (files.certificate, files.key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_nlink == 0


def test_a_shorter_pair_leaves_nothing_of_the_longer_one_before() -> None:
    files = PairFiles(b"a long certificate", b"a long key")
    files.write(b"short", b"k")
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == (b"short", b"k")


def test_a_broken_pair_is_not_served_and_the_next_good_one_is() -> None:
    first, second = pair(), pair()
    files = PairFiles(first.certificate, first.key)
    serving = ServingCertificate(files.certificate, files.key)
    files.write(second.certificate, b"no key")
    assert str(files.certificate) in serving.reload()
    files.write(second.certificate, first.key)
    assert serving.reload() != ""
    files.write(second.certificate, second.key)
    assert serving.reload() == ""


def test_the_memory_is_given_back() -> None:
    files = PairFiles(b"certificate", b"key")
    paths = files.certificate, files.key
    inodes = {file.stat().st_ino for file in paths}
    del files
    # The numbers of the descriptors may belong to something else by now.
    assert not {file.stat().st_ino for file in paths if file.exists()} & inodes
