"""Routes of Django and Django REST framework."""

import re
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from docs_mgmt.generators.routes.finding import find_routes
from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import Files, routes, told
from tests.test_docs import ROOT

pytestmark = pytest.mark.plumbing
VIEWS = """
from django.views.decorators.http import require_POST, require_http_methods

@require_POST
def add(request): ...

@require_http_methods(["GET", "PUT"])
def change(request): ...

def show(request): ...

class Home(TemplateView): ...

class Form(View):
    def get(self, request): ...
    def post(self, request): ...
"""


def test_a_route_has_its_handler_and_both_places() -> None:
    files = {
        "shop/urls.py": "from shop import views\n\nurlpatterns = [path('a/', views.show)]\n",
        "shop/views.py": VIEWS,
    }

    assert routes(files) == [Route("/a/", "ANY", "views.show", "shop/urls.py", 3, "django", "shop/views.py")]


def test_methods_follow_from_decorators_and_classes() -> None:
    urls = """
    from . import views
    urlpatterns = [
        path("add", views.add),
        path("change", views.change),
        path("home", views.Home.as_view()),
        path("form", login_required(views.Form.as_view(name="x"))),
    ]
    """

    assert told({"shop/urls.py": urls, "shop/views.py": VIEWS}) == [
        "POST /add views.add",
        "GET /change views.change",
        "PUT /change views.change",
        "GET /form views.Form",
        "POST /form views.Form",
        "GET /home views.Home",
    ]


def test_includes_are_followed_from_the_root_that_the_settings_name() -> None:
    files = {
        "site/settings.py": 'ROOT_URLCONF = "site.urls"',
        "site/urls.py": """
        from shop.urls import extra
        prefix = "v1/"
        inner = [path("inner", show)]
        urlpatterns = [
            path(f"{prefix}shop/", include(("shop.urls", "shop"))),
            path("extra/", include(extra)),
            path("more/", include(inner)),
        ]
        urlpatterns += [path("late", show)]
        if DEBUG:
            urlpatterns.append(path("debug", show))
        """,
        "shop/urls.py": """
        urlpatterns = i18n_patterns(path("<int:pk>", show), *others)
        others = [re_path(r"^old/(?P<slug>[\\w-]+)/$", show)]
        extra = [path("", show)]
        """,
        "alone/urls.py": "urlpatterns = [path('x', show)]",
    }

    assert told(files) == [
        "ANY /debug show",
        "ANY /extra/ show",
        "ANY /late show",
        "ANY /more/inner show",
        "ANY /v1/shop/<int:pk> show",
        "ANY /v1/shop/old/<slug>/ show",
        "ANY /…x show",
    ]


def test_registers_of_routers_are_the_actions_of_their_view_sets() -> None:
    files = {
        "api/urls.py": """
        from rest_framework.routers import DefaultRouter
        from api.views import Users, Logs
        router = DefaultRouter()
        router.register(r"users", Users)
        router.register("logs", Logs, basename="log")
        urlpatterns = [path("api/", include(router.urls))]
        """,
        "api/views.py": """
        class Base(ListModelMixin, GenericViewSet):
            lookup_field = "slug"
        class Users(Base):
            def create(self, request): ...
            @action(detail=True, methods=["post"], url_path="lock-out")
            def lock(self, request, slug): ...
        class Logs(viewsets.ReadOnlyModelViewSet): ...
        """,
    }

    assert told(files) == [
        "GET /api/logs/ Logs.list",
        "GET /api/logs/{pk}/ Logs.retrieve",
        "GET /api/users/ Users.list",
        "POST /api/users/ Users.create",
        "POST /api/users/{slug}/lock-out/ Users.lock",
    ]


def test_includes_that_include_each_other_end() -> None:
    files = {
        "a/urls.py": "urlpatterns = [path('a/', include('b.urls')), path('x', x)]",
        "b/urls.py": "urlpatterns = [path('b/', include('a.urls'))] + urlpatterns",
        "s.py": "ROOT_URLCONF = 'a.urls'",
    }

    assert "ANY /x x" in told(files)


def test_includes_that_double_again_and_again_are_cut_off() -> None:
    doubling = "urlpatterns = [path('a', include('m{0}')), path('b', include('m{0}')), path('c', v)]"
    files: dict[str, str | bytes | None] = {f"m{n}.py": doubling.format(n + 1) for n in range(40)}

    assert len(routes(files)) <= 5_000


def test_routes_that_the_projects_own_code_makes_are_told_as_missing() -> None:
    urls = "def made(): ...\nurlpatterns = [path('a', show), *made()]\n"

    found = find_routes(Files({"urls.py": urls}))

    assert [(each.path, each.reason) for each in found.problems] == [
        ("urls.py", "read in part: the routes that made() makes are not known")
    ]


class Checkout:
    """The Python files of this checkout."""

    def paths(self) -> list[str]:
        folders = ("accounts", "config", "devices", "docs_mgmt", "projects", "runs", "settings_params", "snapshots")
        return sorted(str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*.py"))

    def read(self, path: str) -> bytes:
        return (ROOT / path).read_bytes()


def served(patterns: list[Any], prefix: str = "") -> set[str]:
    """The addresses that Django itself answers here, but for those of its admin."""
    found: set[str] = set()
    for each in patterns:
        path = f"{prefix}/{each.pattern}".replace("//", "/")
        if isinstance(each, URLPattern):
            found.add(path)
        elif isinstance(each, URLResolver) and not path.startswith("/admin"):
            found |= served(each.url_patterns, path)
    return found


def test_our_own_routes_are_those_that_django_serves() -> None:
    """But for those that a function and a comprehension make: their last part is not known."""
    found = {route.path for route in find_routes(Checkout()).routes if not route.path.startswith("/admin")}
    real = {path for path in served(get_resolver().url_patterns) if "static" not in path and "/docs" not in path[:9]}

    unknown = {path for path in found if "…" in path}
    assert found - unknown <= {*real, "/api/docs"}
    assert len(real - found) < 30
    assert all(any(re.fullmatch(re.escape(path).replace("…", "[^/]+"), each) for each in real) for path in unknown)


def test_modules_that_take_all_names_of_each_other_end() -> None:
    stars = "\n".join(f"from m{n} import *" for n in range(30))
    files: dict[str, str] = {f"m{n}.py": stars for n in range(30)}

    assert told({**files, "urls.py": f"{stars}\nurlpatterns = [path('x', shown)]"}) == ["ANY /x shown"]


def test_what_another_package_answers_is_known_by_its_beginning() -> None:
    assert told({"urls.py": "urlpatterns = [path('auth/', include('rest_framework.urls'))]"}) == [
        "ANY /auth/… rest_framework.urls"
    ]


def test_a_sum_of_thousands_of_lists_ends() -> None:
    assert told({"urls.py": "urlpatterns = [path('x', include(" + "a+" * 900 + "a)), path('y', y)]"}) == ["ANY /y y"]
