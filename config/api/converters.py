"""Ids in addresses: digits that fit a 64-bit column. Anything longer is no route, not an error of the database."""


class IdConverter:
    """`<id:pk>`."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)
