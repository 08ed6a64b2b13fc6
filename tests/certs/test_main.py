"""`python -m certs`: bootstrap, rotate, status, and messages that say what to do."""

import subprocess
import sys
from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "certs", *arguments], capture_output=True, text=True, check=False)


def test_the_commands_in_their_usual_order(tmp_path: Path) -> None:
    where = ("--dir", str(tmp_path / "certs"), "--names", "a.svc")
    assert "run `python -m certs bootstrap` first" in run("status", *where).stderr
    first = run("bootstrap", *where)
    assert (first.returncode, first.stderr) == (0, "")
    assert "for a.svc" in first.stdout
    assert run("bootstrap", *where).stdout == first.stdout
    assert run("rotate", *where).returncode == 0
    assert "upcoming" in run("rotate", "--authority", *where).stdout
    assert "retiring" in run("rotate", "--authority", *where).stdout
    assert run("status", *where).returncode == 0


def test_status_fails_where_the_names_are_not_those_asked_for(tmp_path: Path) -> None:
    run("bootstrap", "--dir", str(tmp_path), "--names", "a.svc")
    found = run("status", "--dir", str(tmp_path), "--names", "b.svc")
    assert found.returncode == 1
    assert "lacks the names b.svc" in found.stderr


def test_wrong_usage_is_2_and_wrong_values_are_1(tmp_path: Path) -> None:
    assert run("burn").returncode == 2
    found = run("bootstrap", "--dir", str(tmp_path), "--renewal", "2")
    assert (found.returncode, "between 0 and 1" in found.stderr) == (1, True)
