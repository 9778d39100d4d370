"""Where things are outside the project: the pinned Python environment of the peers, in which a benchmark goes on, and data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# What bench/peers/image/make_env.sh installs beside the environment.
PICTURE_PACKAGES = ROOT / ".cache" / "peers-image" / "packages"


def environment_folder() -> Path:
    return Path(os.environ.get("ASTERISM_PEERS_ENV", ROOT / ".cache" / "peers-text" / "env"))


def data_folder() -> Path:
    """Real data, never part of the project."""
    return Path(os.environ.get("ASTERISM_DATA", ROOT.parent / "shared" / "data"))


def enter_environment(script: Path, packages: Path | None = None) -> None:
    """Go on with `script` in the peers' Python, where it exists and is not this one already; `packages` are found first."""
    python = environment_folder() / "bin" / "python"
    path = os.environ.get("PYTHONPATH", "")
    if packages is not None and str(packages) not in path.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(packages), path]))
    if python.exists() and Path(sys.prefix).resolve() != environment_folder().resolve():
        os.execv(str(python), [str(python), str(script), *sys.argv[1:]])
    if packages is not None:
        sys.path.insert(0, str(packages))
