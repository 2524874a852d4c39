"""Which projects a list shows."""

from typing import Any

from django.db.models import Q
from django_filters.rest_framework.filterset import FilterSet

from config.api.filtering import LookedForChoice, SearchFilter
from config.api.looking import look_for
from projects.models import Project


class ProjectFilterSet(FilterSet):
    """`?status=&search=`; archived projects only where they are asked for."""

    status = LookedForChoice(choices=Project.Status.choices)
    search = SearchFilter(field_name="name", label="Somewhere in the name.")

    def filter_queryset(self, queryset: Any) -> Any:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["status"] else look_for(found, ~Q(status=Project.Status.ARCHIVED))
