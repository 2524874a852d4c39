"""Starts the agent on stdin and stdout; takes no arguments and reads no configuration but ``HOME``.

Run by the path of this folder (``python -I …/script``), so that inside the sandbox only the interpreter, its
site-packages and this folder need to be readable.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE_NAME = "quarterdeck_script_agent"


def _load_package() -> None:
    """Make this folder importable as one package, without putting its parent on ``sys.path``."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"The script agent's folder {folder} cannot be loaded: reinstall Quarterdeck.")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE_NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _load_package()
    importlib.import_module(f"{PACKAGE_NAME}.agent").main()
