"""Whether streams may stay open: asked for all of a web process at once, by as many statements for one as for many."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from projects.models import Membership
from runs.models import Run
from runs.services.places import Holder, holders


class Watched(NamedTuple):
    """What the right to a stream hangs on, beside its place: the console session, or None with a token, and the run."""

    user_id: int
    session_key: str | None
    run_id: int | None


def lost_places(streams: Mapping[int, Watched]) -> set[int]:
    """Of these streams, named by their places, those that must end.

    The place is gone, which it is with its token; the token's time is up; the person is not active; the session has
    ended or the password is a new one; the run is gone, or no longer in a project of the person's.
    """
    held = holders()
    gone = {pk for pk in streams if pk not in held}
    left = {pk: watched for pk, watched in streams.items() if pk not in gone}
    sessions = _good_sessions({each.session_key for each in left.values() if each.session_key})
    gone |= {pk for pk, each in left.items() if each.session_key and (each.session_key, each.user_id) not in sessions}
    runs = [(pk, held[pk], each.run_id) for pk, each in left.items() if each.run_id is not None]
    return gone | _without_run(runs)


def _without_run(streams: Iterable[tuple[int, Holder, int]]) -> set[int]:
    """Of streams of runs (place, holder, run) those whose run its holder may not see, as `visible_to` says."""
    streams = list(streams)
    if not streams:
        return set()
    projects = dict(Run.objects.filter(pk__in={run for _, _, run in streams}).values_list("pk", "project_id"))
    people = {holder.user_id for _, holder, _ in streams if not holder.is_operator}
    pairs = Membership.objects.filter(user_id__in=people, project_id__in=set(projects.values()))
    members = set(pairs.values_list("user_id", "project_id")) if people else set()
    return {
        place
        for place, holder, run in streams
        if run not in projects or not (holder.is_operator or (holder.user_id, projects[run]) in members)
    }


def _good_sessions(keys: set[str]) -> set[tuple[str, int]]:
    """Which console sessions are good, and whose: as `django.contrib.auth.get_user` looks at one in every request."""
    if not keys:
        return set()
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    named = {each.session_key: each.get_decoded() for each in sessions}
    people = User.objects.in_bulk({int(data[SESSION_KEY]) for data in named.values() if SESSION_KEY in data})
    good = set()
    for key, data in named.items():
        user = people.get(int(data.get(SESSION_KEY, 0)))
        if user and data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS and _is_same_password(data, user):
            good.add((key, user.pk))
    return good


def _is_same_password(data: Mapping[str, str], user: User) -> bool:
    known = data.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(known, each) for each in hashes)
