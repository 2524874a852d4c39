"""The base of every viewset: refuses query parameters and bodies that the action does not know."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db.models.expressions import Combinable
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from config.api import filtering, idempotency, pagination
from config.api.ordering import ORDERING
from config.api.preconditions import put_if_match
from config.api.problems import InvalidParameter, Problem
from config.api.query_parameters import wrong_parameter
from config.api.serializers import StrictSerializer
from config.api.throttle import Group


class ApiViewSet(GenericViewSet[Any]):
    """`abilities` names what each action needs; `query_parameters` what each action reads beside the page's own.

    `problems` names what an action refuses beyond what config.openapi.schema derives, for the OpenAPI document.

    `outside_transaction` names the POST actions that work on files: a database must not be held for that long. The
    others may be called in one transaction with what is kept of their answer (config.api.idempotency).
    `limit_groups` names the group of limits that an action's requests count in (config.api.throttle), where it is
    not `default`.
    `filterset_class` filters the `paged` actions, `orderings` are what their `?ordering=` may name; both add their
    query parameters.
    """

    abilities: dict[str, str | None] = {}
    query_parameters: dict[str, Iterable[str]] = {}
    problems: dict[str, Iterable[type[Problem]]] = {}
    limit_groups: dict[str, Group] = {}
    paged: frozenset[str] = frozenset({"list"})
    outside_transaction: frozenset[str] = frozenset()
    orderings: dict[str, Combinable | None] = {}
    filter_backends = [filtering.ParameterFilterBackend]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.perform_authentication(request)
        self.check_throttles(request)  # right after 401, so that every answer of a signed-in caller can tell the limits
        super().initial(request, *args, **kwargs)
        if (problem := self._wrong_parameter(request)) is not None:
            self.check_visible()  # who may not see the thing learns nothing else of it
            raise problem
        self._wrap_handler(request)

    def _wrong_parameter(self, request: Request) -> InvalidParameter | None:
        names = (name for name, values in request.query_params.lists() for _ in values)
        return wrong_parameter(names, self.known_parameters())

    def known_parameters(self) -> set[str]:
        """The names of the query parameters that the present action reads."""
        action = self.action or ""
        known = set(self.query_parameters.get(action, ()))
        if action in self.paged:
            known |= pagination.PARAMETERS | filtering.parameters_of(self)
            known |= {ORDERING} if self.orderings else set()
        return known

    def _wrap_handler(self, request: Request) -> None:
        """DRF looks the method's handler up after `initial`: here it gets what goes around it."""
        if request.method == "PUT" and "If-Match" in request.headers:
            setattr(self, "put", partial(put_if_match, self, getattr(self, "put")))  # noqa: B009, B010 - DRF sets it so
        if idempotency.is_asked_for(request) and request.user is not None:
            setattr(self, "post", partial(idempotency.once, self, getattr(self, "post")))  # noqa: B009, B010

    def forget_kept(self) -> None:
        """For views that show what the process keeps in memory: called before a tag is taken and after a rollback."""

    def check_visible(self) -> None:
        """404 unless the caller may see what the address names.

        Asked before a kept answer is given again, and before a wrong query parameter is told.
        """
        if getattr(self, "queryset", None) is None:
            return  # nothing here is anybody's
        self.get_queryset()  # raises where a parent may not be seen
        if self.lookup_field in self.kwargs:
            self.get_object()

    def refuse_body(self, request: Request) -> None:
        """For actions that take nothing: any member is unknown."""
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
