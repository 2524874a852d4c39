"""Which snapshots a list shows."""

from django_filters.rest_framework.filterset import FilterSet

from config.api.filtering import LookedForChoice, LookedForId
from snapshots.models import Snapshot


class SnapshotFilterSet(FilterSet):
    """`?kind=&attempt=`; of a run's snapshots those of all attempts unless one is named."""

    kind = LookedForChoice(choices=Snapshot.Kind.choices)
    attempt = LookedForId(field_name="attempt", label="The number of a run's attempt.")
