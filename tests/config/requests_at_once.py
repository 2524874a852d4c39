"""A web process' worth of requests: `python -m tests.config.requests_at_once COUNT PATH`.

It is set up by the environment, says `ready`, waits for a line with a token, sends all requests from as many threads at
once, and prints how many were accepted.
"""

import sys

import django

django.setup()

from rest_framework.test import APIClient  # noqa: E402 - needs Django to be set up

from tests.conftest import all_at_once  # noqa: E402


def main(count: int, path: str) -> None:
    print("ready", flush=True)  # noqa: T201 - the answer to the test that started this
    token = sys.stdin.readline().strip()

    def ask(_: int) -> int:
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        return int(client.get(path).status_code)

    statuses = all_at_once(count, ask)
    assert set(statuses) <= {200, 429}, statuses
    print(statuses.count(200), flush=True)  # noqa: T201


main(int(sys.argv[1]), sys.argv[2])
