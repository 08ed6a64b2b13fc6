"""What a command does not need is not loaded: commands start at once, and a worker without a cluster stays small."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["injector.cli.serve", "injector.runtime.serve", "injector.cli.inject"])
def test_the_official_client_is_loaded_only_for_a_cluster(module: str) -> None:
    """It takes 38 MB, of the 80 that a worker may have."""
    program = f"import sys, {module}; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
