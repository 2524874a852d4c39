"""The shape of a project's login at its remote: checked here, encrypted by the services, never shown."""

import re
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework import serializers

from config.api.serializers import StrictSerializer
from projects import remotes
from projects.git.ssh_keys import KeyRefused, read_ssh_key
from projects.models import ProjectCredential
from projects.services.credentials import NewCredential

Kind = ProjectCredential.Kind
_OWN_MEMBERS = {Kind.HTTPS_TOKEN: ("username", "token"), Kind.SSH_KEY: ("private_key", "passphrase")}
_SECRET_MEMBER = {Kind.HTTPS_TOKEN: "token", Kind.SSH_KEY: "private_key"}


class ShownCredentialSerializer(serializers.Serializer[Any]):
    """What is told of a login; all null where there is none."""

    kind = serializers.ChoiceField(Kind.choices, allow_null=True)
    is_set = serializers.BooleanField()
    username = serializers.CharField(allow_null=True)
    fingerprint = serializers.CharField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class CredentialSerializer(StrictSerializer):
    """`https_token` takes `token` and perhaps `username`, `ssh_key` takes `privateKey` and perhaps `passphrase`.

    What is shown: `kind`, `isSet`, `username`, `fingerprint`, `updatedAt`; of a key the fingerprint is the public one,
    of a token it only tells whether two are the same. Absent members stay as they are stored.
    """

    kind = serializers.ChoiceField(Kind.choices, required=False)
    is_set = serializers.BooleanField(read_only=True)
    username = serializers.CharField(max_length=255, required=False, allow_null=True)
    token = serializers.CharField(max_length=4096, required=False, write_only=True)
    private_key = serializers.CharField(max_length=20_000, required=False, write_only=True)
    passphrase = serializers.CharField(max_length=1024, required=False, write_only=True, trim_whitespace=False)
    fingerprint = serializers.CharField(read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def validate_username(self, username: str | None) -> str | None:
        """Basic authentication (RFC 7617) has no way to send a colon in a name."""
        if username is not None and (not username.isprintable() or ":" in username):
            raise serializers.ValidationError("A user name is printable and has no colon.", code="invalid")
        return username

    def validate_token(self, token: str) -> str:
        if not re.fullmatch(r"[ -~]+", token):
            raise serializers.ValidationError("A token is one line of ASCII.", code="invalid")
        return token

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The whole as `credential`."""
        stored = self.instance if self.instance and self.instance["is_set"] else {}
        kind = attrs.get("kind") or stored.get("kind")
        if kind is None:
            raise serializers.ValidationError({"kind": _error("required", "Which kind of login is it?")})
        for name in attrs:
            if name != "kind" and name not in _OWN_MEMBERS[kind]:
                raise serializers.ValidationError({name: _error("not-for-this-kind", f"{kind} has no such member.")})
        kept = stored if stored.get("kind") == kind else {}
        secret_member = _SECRET_MEMBER[kind]
        if secret_member not in attrs and (not kept or "passphrase" in attrs):
            raise serializers.ValidationError({secret_member: _error("required", "This is the secret itself.")})
        secret, fingerprint = self._read_secret(kind, attrs)
        name = attrs.get("username", kept.get("username")) or ""
        return {"credential": NewCredential(kind, name, fingerprint or kept.get("fingerprint", ""), secret)}

    def _read_secret(self, kind: str, attrs: dict[str, Any]) -> tuple[str | None, str | None]:
        secret = attrs.get(_SECRET_MEMBER[Kind(kind)])
        if secret is None:
            return None, None
        if kind == Kind.HTTPS_TOKEN:
            return secret, salted_hmac("projects.credential", secret, algorithm="sha256").hexdigest()[:12]
        try:
            key = read_ssh_key(secret, attrs.get("passphrase"))
        except KeyRefused as refused:
            member = "passphrase" if refused.of_passphrase else "private_key"
            raise serializers.ValidationError({member: _error(refused.code, refused.message)}) from None
        return key.text, key.fingerprint


def require_kind_for(url: str, kind: str) -> None:
    """Raises a validation error of `kind` unless the remote of that address takes such a login."""
    taken = remotes.credential_kind(url)
    if kind != taken:
        wanted = f"The project's address takes {taken}." if taken else "The project's address takes no login."
        raise serializers.ValidationError({"kind": _error("wrong-kind", wanted)})


def _error(code: str, message: str) -> list[serializers.ErrorDetail]:
    return [serializers.ErrorDetail(message, code=code)]
