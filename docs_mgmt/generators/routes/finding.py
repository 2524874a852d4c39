"""Finds a project's doors: each framework's routes and the places where its programs begin."""

from docs_mgmt.generators.routes.django_urls import django_routes
from docs_mgmt.generators.routes.entry_points import entry_points
from docs_mgmt.generators.routes.express import express_routes
from docs_mgmt.generators.routes.go_routes import go_routes
from docs_mgmt.generators.routes.laravel import laravel_routes
from docs_mgmt.generators.routes.python_project import PythonProject
from docs_mgmt.generators.routes.python_routers import router_routes
from docs_mgmt.generators.routes.rails import rails_routes
from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.script_files import Scripts
from docs_mgmt.generators.routes.shapes import Route, RoutesFound
from projects.indexing.shapes import Sources


def find_routes(sources: Sources) -> RoutesFound:
    """The doors of one commit. A file that is not understood costs its own routes and is told among the problems."""
    reader = Reader(sources)
    project = PythonProject(reader)
    routes = {
        *django_routes(project),
        *router_routes(project),
        *express_routes(Scripts(reader)),
        *rails_routes(reader),
        *laravel_routes(reader),
        *go_routes(reader),
    }
    return RoutesFound(tuple(sorted(routes, key=_order)), tuple(entry_points(reader)), reader.problems)


def _order(route: Route) -> tuple[str, str, str, int, str, str]:
    return (route.path, route.method, route.source, route.line, route.handler, route.framework)
