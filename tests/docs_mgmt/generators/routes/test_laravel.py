"""Routes of Laravel."""

import pytest

from docs_mgmt.generators.routes.shapes import Route
from tests.docs_mgmt.generators.routes.made import routes, told

pytestmark = pytest.mark.plumbing


def php(*lines: str) -> str:
    return "<?php\n" + "\n".join(lines) + "\n"


def test_a_route_has_its_handler_and_both_places() -> None:
    file = php(r"use App\Http\Controllers\{UserController};", "Route::get('/a/{id}', [UserController::class, 'show']);")
    files = {"routes/web.php": file, "app/Http/Controllers/UserController.php": "<?php"}

    assert routes(files) == [
        Route(
            "/a/{id}",
            "GET",
            "UserController@show",
            "routes/web.php",
            3,
            "laravel",
            "app/Http/Controllers/UserController.php",
        )
    ]


def test_groups_have_their_prefixes() -> None:
    lines = (
        "Route::middleware(['auth'])->prefix('admin')->name('x.')->group(function () {",
        "  Route::prefix('users')->group(fn () => Route::post('', [Users::class, 'store'])->name('y'));",
        "  Route::group(['prefix' => 'old'], function () { Route::any('/z', 'Old@z'); });",
        "  Route::controller(Pages::class)->group(function () { Route::delete('page', 'remove'); });",
        "});",
        "if (config('x')) { Route::get('hook/'.config('y'), Hook::class); }",
        "Route::match(['get', 'put'], 'both', function () {});",
        "Route::view('terms', 'terms');",
    )

    assert told({"routes/web.php": php(*lines)}) == [
        "ANY /admin/old/z Old@z",
        "DELETE /admin/page Pages@remove",
        "POST /admin/users Users@store",
        "GET /both",
        "PUT /both",
        "GET /hook/… Hook",
        "GET /terms view",
    ]


def test_resources_have_their_actions_below_api() -> None:
    lines = (
        "Route::apiResource('photos', Photos::class)->only(['index', 'update']);",
        "Route::resource('photos.comments', Comments::class)->except(['index', 'show', 'update', 'store', 'destroy']);",
    )

    assert told({"routes/api.php": php(*lines)}) == [
        "GET /api/photos Photos@index",
        "PATCH /api/photos/{photo} Photos@update",
        "PUT /api/photos/{photo} Photos@update",
        "GET /api/photos/{photo}/comments/create Comments@create",
        "GET /api/photos/{photo}/comments/{comment}/edit Comments@edit",
    ]
