"""Routes of Flask and FastAPI."""

import pytest

from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import routes, told

pytestmark = pytest.mark.plumbing


def test_a_route_has_its_place() -> None:
    app = "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/x')\ndef show(): ...\n"

    assert routes({"app.py": app}) == [Route("/x", "GET", "show", "app.py", 4, "flask", "app.py")]


def test_blueprints_have_the_prefix_of_their_registration_or_their_own() -> None:
    files = {
        "web/__init__.py": """
        from flask import Flask
        def create_app():
            app = Flask(__name__)
            from . import auth
            from web.blog import bp as blog
            app.register_blueprint(auth.bp)
            app.register_blueprint(blog, url_prefix="/news")
            app.add_url_rule("/about", "about", methods=["GET", "POST"], view_func=auth.about)
            return app
        """,
        "web/auth.py": """
        from flask import Blueprint
        bp = Blueprint("auth", __name__, url_prefix="/auth")
        inner = Blueprint("inner", __name__, url_prefix="/inner")
        bp.register_blueprint(inner)

        @bp.route("/login", methods=("GET", "POST"))
        def login(): ...

        @inner.route("/")
        def home(): ...

        def about(): ...
        """,
        "web/blog.py": """
        from flask import Blueprint
        bp = Blueprint("blog", __name__, url_prefix="/blog")

        @bp.delete("/<int:id>")
        def remove(id): ...
        """,
    }

    assert told(files) == [
        "GET /about auth.about",
        "POST /about auth.about",
        "GET /auth/inner/ home",
        "GET /auth/login login",
        "POST /auth/login login",
        "DELETE /news/<int:id> remove",
    ]


def test_routers_of_fastapi_have_every_prefix_above_them() -> None:
    files = {
        "app/main.py": """
        from fastapi import FastAPI
        from app.core import settings
        from app.api import api_router
        app = FastAPI()
        app.include_router(api_router, prefix=settings.BASE)
        app.include_router(api_router, prefix=computed())

        @app.websocket("/ws")
        async def socket(): ...
        """,
        "app/core.py": "class Settings:\n    BASE: str = '/api/v1'\nsettings = Settings()\n",
        "app/api.py": """
        from fastapi import APIRouter
        from app.routes import users
        api_router = APIRouter()
        api_router.include_router(users.router, prefix="/users")
        """,
        "app/routes/users.py": """
        from fastapi import APIRouter
        router = APIRouter(prefix="/all")

        @router.get("/{id}")
        async def read(id: int): ...
        """,
    }

    assert told(files) == ["GET /api/v1/users/all/{id} read", "WEBSOCKET /ws socket", "GET /…/users/all/{id} read"]


def test_routers_under_each_other_end() -> None:
    app = """
    from fastapi import APIRouter
    a, b = 1, 2
    a = APIRouter()
    b = APIRouter()
    a.include_router(b, prefix="/b")
    b.include_router(a, prefix="/a")

    @a.get("/x")
    def x(): ...
    """

    assert told({"app.py": app})


def test_an_app_that_a_function_is_given_counts() -> None:
    app = "import flask\ndef add(app):\n    @app.post('/x')\n    def show(): ...\n"

    assert told({"app.py": app}) == ["POST /x show"]
