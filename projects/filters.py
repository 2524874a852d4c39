"""Which projects a list shows."""

from typing import Any

from django_filters.filters import ChoiceFilter
from django_filters.rest_framework.filterset import FilterSet

from config.api.filtering import SearchFilter
from projects.models import Project


class ProjectFilterSet(FilterSet):
    """`?status=&search=`; archived projects only where they are asked for."""

    status = ChoiceFilter(choices=Project.Status.choices)
    search = SearchFilter(field_name="name", label="Somewhere in the name.")

    def filter_queryset(self, queryset: Any) -> Any:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["status"] else found.exclude(status=Project.Status.ARCHIVED)
