"""The key that signs run commits, where the operator wants them signed."""

import base64
import binascii

from config.api.params import read
from projects.git.ssh_keys import KeyRefused, SshKey, read_ssh_key
from runs.errors import SigningNotPossible
from runs.models import Run
from runs.queries import conflict_members


def signing_key_for(run: Run) -> SshKey | None:
    """None where commits are not signed; 409 `signing-failed` where they are to be and there is no good key."""
    if not read("git.sign_commits"):
        return None
    encoded: str | None = read("git.signing_key")
    if not encoded:
        raise _not_possible(run, "git.signing_key is not set.")
    try:
        return read_ssh_key(base64.b64decode(encoded, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError):
        raise _not_possible(run, "git.signing_key is not a key's file in base64.") from None
    except KeyRefused as refusal:
        raise _not_possible(run, refusal.message) from None


def _not_possible(run: Run, reason: str) -> SigningNotPossible:
    detail = f"An operator must set it right, or git.sign_commits to false: {reason}"
    return SigningNotPossible(detail, **conflict_members(run))
