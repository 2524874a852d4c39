"""The shapes of signing in."""

from typing import Any

from rest_framework import serializers

from accounts import abilities
from accounts.authentication import granted_abilities
from accounts.models import AccessToken, User
from config.api.serializers import StrictSerializer


class UserSerializer(serializers.ModelSerializer[User]):
    """The signed-in person; `abilities` are those of the token that asks."""

    is_operator = serializers.BooleanField(read_only=True)
    abilities = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "email", "name", "is_operator", "abilities")
        read_only_fields = fields

    def get_abilities(self, user: User) -> list[str]:
        return granted_abilities(self.context.get("token"))


class SignInSerializer(StrictSerializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    device_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    abilities = serializers.ListField(
        child=serializers.ChoiceField(sorted(abilities.KNOWN)), required=False, allow_empty=False, max_length=20
    )


class ElevateSerializer(StrictSerializer):
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    abilities = serializers.ListField(
        child=serializers.ChoiceField(abilities.ELEVATED), allow_empty=False, max_length=len(abilities.ELEVATED)
    )
    ttl_minutes = serializers.IntegerField(min_value=1, max_value=60, required=False, default=15)


class IssuedTokenSerializer(serializers.Serializer[Any]):
    """A new token. `token` is shown this once."""

    token = serializers.CharField(read_only=True)
    abilities = serializers.ListField(child=serializers.CharField(), read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)


class SignedInSerializer(IssuedTokenSerializer):
    """The answer of signing in: the token and whose it is."""

    user = UserSerializer(read_only=True)


class ElevatedTokenSerializer(serializers.ModelSerializer[AccessToken]):
    """A token without its secret, which nobody has but its holder. `isCurrent`: it is the one that asks."""

    abilities = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = AccessToken
        fields: tuple[str, ...] = ("id", "abilities", "created_at", "last_used_at", "expires_at", "is_current")
        read_only_fields = fields

    def get_is_current(self, token: AccessToken) -> bool:
        current = self.context.get("token")
        return current is not None and current.pk == token.pk


class SessionSerializer(ElevatedTokenSerializer):
    """One signed-in device: its token, and those elevated from it, which end with it."""

    elevated = ElevatedTokenSerializer(many=True, read_only=True)

    class Meta(ElevatedTokenSerializer.Meta):
        fields = ("id", "name", *ElevatedTokenSerializer.Meta.fields[1:], "elevated")
        read_only_fields = fields


def issued(token: AccessToken, text: str) -> dict[str, Any]:
    """What `IssuedTokenSerializer` writes."""
    return {"token": text, "abilities": token.abilities, "expires_at": token.expires_at}
