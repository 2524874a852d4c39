"""Routes of Rails."""

import pytest

from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import routes, told

pytestmark = pytest.mark.plumbing


def draw(*lines: str) -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return f"Rails.application.routes.draw do\n{body}\nend\n"


def test_a_route_has_its_handler_and_both_places() -> None:
    files = {"config/routes.rb": draw('get "/a" => "home#show"'), "app/controllers/home_controller.rb": "x"}

    assert routes(files) == [
        Route("/a", "GET", "home#show", "config/routes.rb", 2, "rails", "app/controllers/home_controller.rb")
    ]


def test_single_lines() -> None:
    lines = (
        'root to: "home#index"',
        'get "/old", to: redirect("/new")',
        'match "both", to: "a#b", via: [:get, :post]',
        "get :help, to: 'pages#help'",
        'get "photos/show"',
        'mount Jobs::Engine, at: "/jobs"',
        'mount Other => "/other"',
        "devise_for :users",
    )

    assert told({"config/routes.rb": draw(*lines)}) == [
        "GET / home#index",
        "GET /both a#b",
        "POST /both a#b",
        "GET /help pages#help",
        "ANY /jobs/… Jobs::Engine",
        "GET /old redirect",
        "ANY /other/… Other",
        "GET /photos/show photos#show",
        "ANY /users/… devise",
    ]


def test_resources_have_their_actions() -> None:
    assert told(
        {"config/routes.rb": draw("resources :hats, except: %i[new edit]", "resource :profile, only: :show")}
    ) == [
        "GET /hats hats#index",
        "POST /hats hats#create",
        "DELETE /hats/:id hats#destroy",
        "GET /hats/:id hats#show",
        "PATCH /hats/:id hats#update",
        "PUT /hats/:id hats#update",
        "GET /profile profiles#show",
    ]


def test_lines_within_resources_stand_below_their_keys() -> None:
    lines = (
        "resources :stories, only: [:index] do",
        '  post "upvote"',
        "  member { get :raw }",
        "  get :recent, on: :collection",
        "  resources :comments, only: :create, param: :slug",
        "end",
    )

    assert told({"config/routes.rb": draw(*lines)}) == [
        "GET /stories stories#index",
        "GET /stories/:id/raw stories#raw",
        "POST /stories/:story_id/comments comments#create",
        "POST /stories/:story_id/upvote stories#upvote",
        "GET /stories/recent stories#recent",
    ]


def test_namespaces_scopes_concerns_and_other_files() -> None:
    files = {
        "config/routes.rb": draw(
            "concern(:noted) { post :note, on: :member }",
            "namespace :admin do",
            '  get "/" => "home#index"',
            "  resources :users, only: [], concerns: :noted",
            "end",
            'scope "/v1", module: "api" do',
            "  constraints(id: /x/) { resources :tags, only: :index }",
            "end",
            "draw :more",
        ),
        "config/routes/more.rb": 'get "/more", to: "more#show"\n',
    }

    assert told(files) == [
        "GET /admin admin/home#index",
        "POST /admin/users/:id/note admin/users#note",
        "GET /more more#show",
        "GET /v1/tags api/tags#index",
    ]
