"""Routes of Go."""

import pytest

from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import routes, told

pytestmark = pytest.mark.plumbing


def go(package: str, *lines: str) -> str:
    return "\n".join(["package main", f'import "{package}"', "func main() {", *lines, "}"]) + "\n"


def test_a_route_has_its_handler_and_both_places() -> None:
    files = {
        "cmd/main.go": go("net/http", 'http.HandleFunc("/a", show)'),
        "cmd/show.go": 'package main\nimport "net/http"\nfunc show(w http.ResponseWriter, r *http.Request) {}\n',
    }

    assert routes(files) == [Route("/a", "ANY", "show", "cmd/main.go", 4, "net/http", "cmd/show.go")]


def test_patterns_with_methods_and_constants() -> None:
    main = go("net/http", 'mux.Handle("GET /x/{id}", wrap(s.get))', 'mux.HandleFunc(base+"/y", func() {})')

    assert told({"a.go": main, "b.go": 'package main\nconst base = "/v1"\n'}) == ["ANY /v1/y", "GET /x/{id} s.get"]


def test_gorilla() -> None:
    lines = ('api := r.PathPrefix("/api").Subrouter()', 'api.HandleFunc("/x", h).Methods("GET", http.MethodPost)')

    assert told({"a.go": go("github.com/gorilla/mux", *lines)}) == ["GET /api/x h", "POST /api/x h"]


def test_chi() -> None:
    lines = (
        'r.Route("/users", func(r chi.Router) {',
        '  r.With(check).Get("/", list)',
        "  r.Group(func(r chi.Router) { r.Post(`/`, create) })",
        '  r.Mount("/sub", other())',
        "})",
        'r.Method("PUT", "/z", z)',
    )

    assert told({"a.go": go("github.com/go-chi/chi/v5", *lines)}) == [
        "GET /users/ list",
        "POST /users/ create",
        "ANY /users/sub/… other()",
        "PUT /z z",
    ]


def test_gin_and_echo() -> None:
    gin = go("github.com/gin-gonic/gin", 'v1 := r.Group("/v1")', "{", 'v1.GET("/x/:id", check, show)', "}")
    echo = go("github.com/labstack/echo/v4", 'g := e.Group("/g")', 'g.POST("/y", create, check)', 'e.Any("/z", z)')

    assert told({"gin/a.go": gin, "echo/a.go": echo}) == ["POST /g/y create", "GET /v1/x/:id show", "ANY /z z"]


def test_addresses_that_functions_hand_on_and_tables_of_routes() -> None:
    lines = (
        "add := func(pattern string, h http.Handler) { mux.Handle(pattern, h) }",
        "more := func(pattern string, h http.Handler) { add(pattern, log(h)) }",
        'more("/stop", stop)',
        'return []Route{{Pattern: "/load", Handler: HandlerFunc(s.load)}}',
    )

    assert told({"a.go": go("net/http", *lines)}) == ["ANY /load s.load", "ANY /stop stop"]


def test_what_is_no_route_is_left() -> None:
    assert told({"a.go": go("net/http", 'events.Handle("name", h)', 'cache.Get("/x", y)')}) == []


def test_routers_that_are_handed_to_other_functions_keep_their_addresses() -> None:
    gin = 'import "github.com/gin-gonic/gin"\n'
    lines = ('v1 := r.Group("/api")', 'users.Register(v1.Group("/users"), 1)', "more(v1)")
    more = (
        'func more(g *gin.RouterGroup) { last(g.Group("/more")) }\nfunc last(g *gin.RouterGroup) { g.PUT("/z", z) }\n'
    )
    register = 'func Register(router *gin.RouterGroup, n int) { router.POST("/", create) }\n'
    files = {
        "main.go": go("github.com/gin-gonic/gin", *lines),
        "more.go": f"package main\n{gin}{more}",
        "users/routers.go": f"package users\n{gin}{register}",
    }

    assert told(files) == ["PUT /api/more/z z", "POST /api/users/ create"]
