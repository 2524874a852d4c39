"""What the texts of access tokens are held to: how long they live and what is kept of them. Touches no database."""

import hashlib
from datetime import timedelta

TOKEN_LIFETIME = timedelta(days=90)


def digest(secret: str) -> str:
    """What is kept of a token's secret. It has 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
