"""What a change of password entails: every token of that person ends. It judges no password."""

from typing import Any

from accounts.models import AccessToken, User


class EndTokensOnChange:
    """A password validator for its hook alone: Django calls it whenever a new password has been saved, by any way.

    An upgrade of the hash at sign-in is not a change (django.contrib.auth.base_user, `check_password`).
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Any password will do."""

    def get_help_text(self) -> str:
        return "A change of password signs the person out of every device."

    def password_changed(self, password: str, user: User) -> None:
        """Signs the person out everywhere; elevated tokens go with their parents."""
        AccessToken.objects.filter(user=user).end()
