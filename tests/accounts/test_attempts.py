"""Tries of passwords: limited for each address and each account, at every door; the same for those who are unknown."""

from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client, override_settings
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser
from tests.serving import PASSWORD

WRONG = "a-wrong-password"


@pytest.fixture(autouse=True)
def _two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_LOGINS_PER_MINUTE", "2")


def sign_in(email: str, password: str = WRONG, address: str = "10.0.0.1", **meta: str) -> Any:
    body = {"email": email, "password": password}
    return APIClient(REMOTE_ADDR=address, **meta).post("/api/auth/token", body)  # type: ignore[arg-type]


def statuses(*answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


def test_an_address_has_so_many_tries(user: User) -> None:
    answers = [sign_in(f"somebody{number}@example.com") for number in range(3)]
    assert statuses(*answers) == [401, 401, 429]
    assert problem(answers[-1]) == (429, "rate-limited")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


def test_an_account_has_so_many_tries_from_everywhere(user: User) -> None:
    answers = [sign_in(user.email, address=f"10.0.0.{number}") for number in range(3)]
    assert statuses(*answers) == [401, 401, 429]


def test_not_even_the_right_password_gets_in_over_the_limit(user: User) -> None:
    answers = [sign_in(user.email, password, f"10.0.0.{number}") for number, password in enumerate([WRONG] * 2)]
    assert statuses(*answers, sign_in(user.email, PASSWORD, "10.0.0.9")) == [401, 401, 429]


def test_other_accounts_and_addresses_are_not_affected(user: User, make_user: MakeUser) -> None:
    bert = make_user("bert@example.com")
    for _ in range(3):
        sign_in(user.email)
    assert sign_in(bert.email, PASSWORD, "10.0.0.2").status_code == 201


def test_the_limit_does_not_tell_whether_an_account_exists(user: User) -> None:
    known = [sign_in(user.email, address=f"10.0.0.{number}") for number in range(3)]
    unknown = [sign_in("nobody@example.com", address=f"10.0.1.{number}") for number in range(3)]
    assert statuses(*known) == statuses(*unknown)
    assert [set(answer.headers) for answer in known] == [set(answer.headers) for answer in unknown]
    assert {**known[2].json(), "detail": ""} == {**unknown[2].json(), "detail": ""}


@pytest.mark.parametrize("spelling", ["ANNA@example.com", " anna@example.com ", "Anna@Example.com"])
def test_spellings_of_one_account_count_together(user: User, spelling: str) -> None:
    answers = [sign_in(name, address=f"10.0.0.{number}") for number, name in enumerate([user.email, spelling] * 2)]
    assert statuses(*answers)[2] == 429


def test_a_dotless_i_is_no_second_try_at_an_account_with_an_i(make_user: MakeUser, db: None) -> None:
    names = ["ingrid@example.com", "\u0131ngrid@example.com", "ingr\u0131d@example.com"]
    make_user(names[0])
    assert statuses(*[sign_in(name, address=f"10.0.0.{number}") for number, name in enumerate(names)])[2] == 429


def test_who_has_no_tries_left_from_an_address_uses_up_no_account(user: User) -> None:
    for number in range(10):
        sign_in(f"somebody{number}@example.com")
    for _ in range(5):
        sign_in(user.email)
    assert sign_in(user.email, PASSWORD, "10.0.0.2").status_code == 201


def test_addresses_of_one_ipv6_network_count_together(user: User) -> None:
    answers = [sign_in(f"x{number}@example.com", address=f"2001:db8::{number + 1}") for number in range(3)]
    assert statuses(*answers) == [401, 401, 429]
    assert sign_in("y@example.com", address="2001:db8:0:1::1").status_code == 401


def test_a_made_up_forwarded_address_gives_no_more_tries(user: User) -> None:
    answers = [sign_in(f"x{n}@example.com", HTTP_X_FORWARDED_FOR=f"9.9.9.{n}") for n in range(3)]
    assert statuses(*answers) == [401, 401, 429]


@override_settings(IS_BEHIND_PROXY=True)
def test_behind_a_proxy_each_caller_has_tries_of_their_own(user: User) -> None:
    answers = [sign_in(f"x{n}@example.com", HTTP_X_FORWARDED_FOR=f"1.1.1.1, 9.9.9.{n}") for n in range(3)]
    assert statuses(*answers) == [401, 401, 401]


def test_a_body_that_does_not_fit_is_no_try(user: User) -> None:
    answers = [APIClient().post("/api/auth/token", {"email": user.email}) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {422}


def test_elevation_is_limited_too_with_the_same_counter(user: User, make_api: MakeApi) -> None:
    phone = make_api(user)
    sign_in(user.email)
    body = {"password": WRONG, "abilities": ["git:push"]}
    answers = [phone.post("/api/auth/elevate", body) for _ in range(2)]
    assert [problem(answer) for answer in answers] == [(403, "wrong-password"), (429, "rate-limited")]


def test_an_answer_to_an_elevation_tells_all_of_its_limits(user: User, make_api: MakeApi) -> None:
    answer = make_api(user).post("/api/auth/elevate", {"password": PASSWORD, "abilities": ["git:push"]})
    names = [item.partition(";")[0] for item in answer.headers["RateLimit"].split(", ")]
    assert (answer.status_code, names) == (201, ['"default"', '"logins:address"', '"logins:account"'])


def console_login(email: str, password: str = WRONG) -> Any:
    form = {"username": email, "password": password, "next": "/admin/"}
    return Client(REMOTE_ADDR="10.0.0.7").post("/admin/login/", form)


def test_the_consoles_login_counts_with_the_apis(make_user: MakeUser, db: None) -> None:
    operator = make_user("operator@example.com", is_staff=True)
    sign_in(operator.email)
    answers = [console_login(operator.email), console_login(operator.email, PASSWORD)]
    assert statuses(*answers) == [200, 429]
    assert 0 < int(answers[1].headers["Retry-After"]) <= 61
    assert "There may be 2 a minute" in answers[1].content.decode()
    assert sign_in(operator.email, PASSWORD).status_code == 429


def test_an_operator_signs_in_to_the_console(make_user: MakeUser, db: None) -> None:
    operator = make_user("operator@example.com", is_staff=True)
    answer = console_login(operator.email, PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert AuditEntry.objects.get(action="signed_in").actor == operator


def test_a_failed_login_to_the_console_is_audited_without_the_password(user: User) -> None:
    console_login(user.email, "hunter2-hunter2")
    entry = AuditEntry.objects.get(action="sign_in_failed")
    assert entry.detail == {"email": user.email, "console": True}


def test_too_many_tries_are_audited_once(user: User) -> None:
    for _ in range(6):
        sign_in(user.email)
    entries = AuditEntry.objects.filter(action="attempts_limited")
    assert [entry.detail for entry in entries] == [{"limit": "logins:address", "email": user.email}]


class Counted(PBKDF2PasswordHasher):
    """The real hasher, with fewer rounds, which are added up."""

    iterations = 1000
    rounds: ClassVar[list[int]] = []

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        self.rounds.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)


def _never_set(user: User) -> None:
    user.set_unusable_password()


def _older_hash(user: User) -> None:
    user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=400)


def _disabled(user: User) -> None:
    user.is_active = False


@pytest.mark.parametrize("door", [sign_in, console_login])
@pytest.mark.parametrize("state", [None, _never_set, _older_hash, _disabled])
@override_settings(PASSWORD_HASHERS=[f"{__name__}.Counted"])
def test_a_refused_sign_in_is_one_hash_of_work_whoever_is_asked_for(
    make_user: MakeUser, db: None, door: Any, state: Any
) -> None:
    known = make_user("known@example.com", is_staff=True)
    if state is not None:
        state(known)
        known.save()
    Counted.rounds.clear()
    door("nobody@example.com")
    assert sum(Counted.rounds) == 1000
    Counted.rounds.clear()
    door(known.email)
    assert sum(Counted.rounds) == 1000


@override_settings(PASSWORD_HASHERS=[f"{__name__}.Counted"])
def test_the_right_password_of_a_disabled_account_is_one_hash_of_work_too(make_user: MakeUser, db: None) -> None:
    make_user("known@example.com", is_active=False)
    Counted.rounds.clear()
    sign_in("known@example.com", PASSWORD)
    assert sum(Counted.rounds) == 1000
