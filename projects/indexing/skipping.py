"""Why a file is left out of the index: by its place in the tree before it is read, and by its content after."""

import re
from pathlib import PurePosixPath

MAX_FILE_BYTES = 400 * 1024
MAX_LINE_BYTES = 5000
MAX_UNDECODABLE_SHARE = 0.02
"""A stray byte of an old encoding is no reason to lose a file."""

MAX_OLD_ENCODING_SHARE = 0.3
"""Nor are many of them, as a Latin-1 text has, without a control character: what is no text has some of those."""

LINK = "symbolic link"
SUBMODULE = "submodule"
TOO_LARGE = "larger than 400 KB"
VENDORED = "third-party code"
LOCK = "lock file"
LOCALE = "translations"
SECRET = "may hold keys or passwords"  # noqa: S105 (a reason)
BINARY = "binary"
MINIFIED = "minified: a line longer than 5,000 bytes"


_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VENDORED_FOLDERS = _words(
    "node_modules vendor vendored third_party third-party thirdparty bower_components jspm_packages _vendor __pycache__"
    " site-packages .venv venv virtualenv .yarn pods carthage .bundle"
)
_LOCKS = _words(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb poetry.lock pdm.lock uv.lock"
    " pipfile.lock gemfile.lock cargo.lock composer.lock go.sum go.work.sum mix.lock pubspec.lock podfile.lock"
    " packages.lock.json flake.lock gradle.lockfile deno.lock conda-lock.yml requirements.lock .terraform.lock.hcl"
)
_LOCALE_FOLDERS = _words("locale locales i18n l10n translations lang langs")
_LOCALE_SUFFIXES = _words(".po .pot .mo .xlf .xliff .json .yml .yaml .properties .resx .strings .ftl .arb")
_LOCALE_ANYWHERE = _words(".po .pot .mo .xlf .xliff")
_SECRET_SUFFIXES = _words(
    ".pem .key .p12 .pfx .jks .keystore .kdbx .ppk .asc .gpg .pgp .der .crt .cer .p8 .ovpn .agekey"
)
_SECRET_NAMES = _words(
    ".netrc _netrc .pgpass .htpasswd .git-credentials .pypirc .envrc .vault_pass master.key credentials"
    " .dockercfg secrets.yml secrets.yaml secrets.json credentials.json service-account.json"
)
_SECRET_NAME = re.compile(r"\.env(?:\..*)?|.*\.env|id_(?:rsa|dsa|ecdsa|ed25519)(?:[._-].*)?")
_ENV_EXAMPLES = re.compile(r"\.env\.(?:example|sample|template|dist|defaults?)(?:\..*)?|(?:example|sample)\.env")
_BINARY_SUFFIXES = _words(
    ".png .jpg .jpeg .gif .webp .avif .ico .bmp .tif .tiff .psd .ai .eps .heic .mp3 .mp4 .m4a .ogg .oga .ogv .wav .flac"
    " .webm .mov .avi .mkv .zip .gz .tgz .bz2 .xz .zst .7z .rar .tar .jar .war .ear .class .pyc .pyo .so .dylib .dll"
    " .exe .o .a .lib .obj .wasm .woff .woff2 .ttf .otf .eot .pdf .doc .docx .xls .xlsx .ppt .pptx .odt .ods .db"
    " .sqlite .sqlite3 .bin .dat .iso .dmg .deb .rpm .apk .ipa .nupkg .whl .egg .gem .parquet .npy .npz .pkl .pt .onnx"
    " .safetensors .gguf .swf .mmdb .glb .blend .fbx .idx .pack"
)
_LINK_MODE, _SUBMODULE_MODE = 0o120000, 0o160000


def path_reason(path: str, size_bytes: int, mode: int = 0o100644) -> str | None:
    """Why a file is not even read, by its path, size and git's mode; None if it is."""
    if mode in (_LINK_MODE, _SUBMODULE_MODE):
        return LINK if mode == _LINK_MODE else SUBMODULE
    pure = PurePosixPath(path)
    named = _by_name(pure)
    if named is not None:
        return named
    return TOO_LARGE if size_bytes > MAX_FILE_BYTES else None


def content_reason(content: bytes) -> str | None:
    """Why a file that was read is left out, by its content alone; None if it is not."""
    if len(content) > MAX_FILE_BYTES:
        return TOO_LARGE
    if b"\0" in content or not _is_text(content):
        return BINARY
    return MINIFIED if _has_long_line(content) else None


def _by_name(path: PurePosixPath) -> str | None:
    name, suffix = path.name.lower(), path.suffix.lower()
    folders = {part.lower() for part in path.parts[:-1]}
    rules = (
        (bool(folders & _VENDORED_FOLDERS), VENDORED),
        (name in _LOCKS, LOCK),
        (_may_be_secret(name, suffix), SECRET),
        (_is_locale(folders, suffix), LOCALE),
        (suffix in _BINARY_SUFFIXES, BINARY),
        (name.endswith((".min.js", ".min.css", ".js.map", ".css.map")), MINIFIED.partition(":")[0]),
    )
    return next((reason for applies, reason in rules if applies), None)


def _may_be_secret(name: str, suffix: str) -> bool:
    if _ENV_EXAMPLES.fullmatch(name):
        return False
    return name in _SECRET_NAMES or suffix in _SECRET_SUFFIXES or _SECRET_NAME.fullmatch(name) is not None


def _is_locale(folders: set[str], suffix: str) -> bool:
    return suffix in _LOCALE_ANYWHERE or (suffix in _LOCALE_SUFFIXES and bool(folders & _LOCALE_FOLDERS))


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        replaced = content.decode("utf-8", "replace").count("\ufffd")
        most = MAX_UNDECODABLE_SHARE if _CONTROLS.search(content) else MAX_OLD_ENCODING_SHARE
        return replaced <= len(content) * most
    return True


def _has_long_line(content: bytes) -> bool:
    start, length = 0, len(content)
    while length - start > MAX_LINE_BYTES:
        end = content.rfind(b"\n", start, start + MAX_LINE_BYTES + 1)
        if end < 0:
            return True
        start = end + 1
    return False
