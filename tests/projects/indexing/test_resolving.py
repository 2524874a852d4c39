"""Which files an import means, in each language, and that no set of paths and imports is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.resolving.resolver import Resolver
from projects.indexing.shapes import Import

pytestmark = pytest.mark.plumbing

FILES: dict[str, bytes] = {
    "src/shop/__init__.py": b"",
    "src/shop/app.py": b"",
    "src/shop/models.py": b"",
    "src/shop/web/__init__.py": b"",
    "src/shop/web/views.py": b"",
    "hc/models.py": b"",
    "services/api/app.py": b"",
    "services/api/lib/db.py": b"",
    "hc/views.py": b"",
    "scripts/run.py": b"",
    "scripts/json.py": b"",
    "src/shop/json.py": b"",
    "web/package.json": b'{"name": "@shop/web"}',
    "web/tsconfig.json": b'{"compilerOptions": {"baseUrl": ".", /* so */ "paths": {"#lib/*": ["source/lib/*"],}}} // x',
    "web/source/index.ts": b"",
    "web/source/lib/tool.ts": b"",
    "web/source/parts/index.tsx": b"",
    "web/src/deep.vue": b"",
    "web/src/index.ts": b"",
    "other/main.js": b"",
    "go/go.mod": b"// x\nmodule example.org/shop/v2\n\ngo 1.22\n",
    "go/shop.go": b"",
    "go/cart/a.go": b"",
    "go/cart/cart.go": b"",
    "go/cart/cart_test.go": b"",
    "crates/core/Cargo.toml": b'[package]\nname = "shop-core"\n',
    "crates/core/src/lib.rs": b"",
    "crates/core/src/cart.rs": b"",
    "crates/core/src/cart/item.rs": b"",
    "crates/core/src/pay/mod.rs": b"",
    "crates/cli/src/main.rs": b"",
    "java/com/shop/Cart.java": b"",
    "java/com/shop/Item.java": b"",
    "java/com/shop/pay/Card.java": b"",
    "dotnet/Shop.Core/Models/Cart.cs": b"",
    "dotnet/Shop.Core/Models/Item.cs": b"",
    "dotnet/Shop.Core/Program.cs": b"",
    "c/list.c": b"",
    "c/list.h": b"",
    "c/include/shop/cart.h": b"",
    "php/app/Models/User.php": b"",
    "php/app/Http/Home.php": b"",
    "php/boot.php": b"",
    "rb/lib/shop/cart.rb": b"",
    "rb/lib/shop.rb": b"",
    "rb/app/models/line_item.rb": b"",
    "rb/spec/rails_helper.rb": b"",
    "rb/spec/cart_spec.rb": b"",
}
RESOLVER = Resolver(FILES, FILES.get)


def targets(path: str, language: str, module: str, *names: str) -> set[str]:
    return RESOLVER.targets(path, language, [Import(module, names, 1)])


@pytest.mark.parametrize(
    ("path", "language", "written", "wanted"),
    [
        ("src/shop/app.py", "python", ".models Cart", ["src/shop/models.py"]),
        ("src/shop/web/views.py", "python", ".. models", ["src/shop/models.py"]),
        ("src/shop/web/views.py", "python", "..... x", []),
        ("scripts/run.py", "python", "shop.web.views", ["src/shop/web/views.py"]),
        ("scripts/run.py", "python", "shop.web views", ["src/shop/web/views.py"]),
        ("scripts/run.py", "python", "shop.web views x", ["src/shop/web/__init__.py", "src/shop/web/views.py"]),
        ("hc/views.py", "python", "hc.models Check", ["hc/models.py"]),
        ("services/api/lib/x/y.py", "python", "lib.db", ["services/api/lib/db.py"]),
        ("services/api/app.py", "python", "lib db", ["services/api/lib/db.py"]),
        ("scripts/run.py", "python", "json", ["scripts/json.py"]),
        ("src/shop/app.py", "python", "json", []),
        ("src/shop/app.py", "python", "django.db models", []),
        ("web/source/index.ts", "typescript", "./lib/tool.js", ["web/source/lib/tool.ts"]),
        ("web/source/index.ts", "typescript", "./parts", ["web/source/parts/index.tsx"]),
        ("web/source/parts/index.tsx", "typescript", "..", ["web/source/index.ts"]),
        ("web/source/index.ts", "typescript", "#lib/tool", ["web/source/lib/tool.ts"]),
        ("web/source/index.ts", "typescript", "source/lib/tool", ["web/source/lib/tool.ts"]),
        ("web/source/index.ts", "typescript", "@/deep", ["web/src/deep.vue"]),
        ("web/source/index.ts", "typescript", "../../../../x", []),
        ("other/main.js", "javascript", "@shop/web", ["web/src/index.ts"]),
        ("other/main.js", "javascript", "@shop/web/source/lib/tool", ["web/source/lib/tool.ts"]),
        ("other/main.js", "javascript", "react", []),
        ("go/shop.go", "go", "example.org/shop/v2/cart", ["go/cart/a.go", "go/cart/cart.go"]),
        ("go/cart/a.go", "go", "example.org/shop/v2", ["go/shop.go"]),
        ("go/cart/a.go", "go", "example.org/shop/v2x", []),
        ("crates/core/src/lib.rs", "rust", "self::cart", ["crates/core/src/cart.rs"]),
        ("crates/core/src/cart.rs", "rust", "self::item", ["crates/core/src/cart/item.rs"]),
        ("crates/core/src/cart/item.rs", "rust", "super::super::pay::Card", ["crates/core/src/pay/mod.rs"]),
        ("crates/core/src/cart/item.rs", "rust", "crate::cart::Cart", ["crates/core/src/cart.rs"]),
        ("crates/core/src/cart/item.rs", "rust", "crate::Error", ["crates/core/src/lib.rs"]),
        ("crates/cli/src/main.rs", "rust", "shop_core::cart::item::Item", ["crates/core/src/cart/item.rs"]),
        ("crates/cli/src/main.rs", "rust", "std::io", []),
        (
            "java/com/shop/Cart.java",
            "java",
            "com.shop.pay.Card",
            ["java/com/shop/pay/Card.java"],
        ),
        (
            "java/com/shop/Cart.java",
            "java",
            "com.shop.pay.Card.of",
            ["java/com/shop/pay/Card.java"],
        ),
        (
            "java/com/shop/Cart.java",
            "java",
            "com.shop.pay.*",
            ["java/com/shop/pay/Card.java"],
        ),
        ("java/com/shop/Cart.java", "java", "java.util.List", []),
        (
            "dotnet/Shop.Core/Program.cs",
            "csharp",
            "Shop.Core.Models",
            ["dotnet/Shop.Core/Models/Cart.cs", "dotnet/Shop.Core/Models/Item.cs"],
        ),
        ("dotnet/Shop.Core/Program.cs", "csharp", "System.Linq", []),
        ("c/list.c", "c", "list.h", ["c/list.h"]),
        ("c/list.c", "c", "<shop/cart.h>", ["c/include/shop/cart.h"]),
        ("c/list.c", "c", "<list.h>", []),
        ("php/app/Http/Home.php", "php", "App\\Models\\User", ["php/app/Models/User.php"]),
        ("php/app/Http/Home.php", "php", "/../../boot.php", ["php/boot.php"]),
        ("php/app/Http/Home.php", "php", "Exception", []),
        ("rb/lib/shop.rb", "ruby", "shop/cart", ["rb/lib/shop/cart.rb"]),
        ("rb/lib/shop.rb", "ruby", "./shop/cart", ["rb/lib/shop/cart.rb"]),
        ("rb/spec/cart_spec.rb", "ruby", "rails_helper", ["rb/spec/rails_helper.rb"]),
        ("rb/lib/shop.rb", "ruby", "json", []),
        ("a.sql", "sql", "x", []),
    ],
)
def test_an_import_means(path: str, language: str, written: str, wanted: list[str]) -> None:
    module, *names = written.split()
    assert sorted(targets(path, language, module, *names)) == wanted


def test_a_class_that_needs_no_import_is_found_by_its_name() -> None:
    assert RESOLVER.targets("rb/lib/shop.rb", "ruby", (), ["LineItem", "items"]) == {"rb/app/models/line_item.rb"}
    java = "java/com/shop/"
    assert RESOLVER.targets(f"{java}Cart.java", "java", (), ["Item", "Card"]) == {f"{java}Item.java"}


def test_a_module_with_a_very_long_name_means_the_same_everywhere() -> None:
    name = f"pkg.{'long' * 60}"
    paths = [f"{name.replace('.', '/')}.py", "pkg/__init__.py", "a.py", "b.py"]
    resolver = Resolver(paths)
    found = [resolver.targets(path, "python", [Import(name, (), 1)]) for path in ("a.py", "b.py", "pkg/__init__.py")]
    assert found == [{paths[0]}] * 3


def test_of_two_modules_of_one_name_the_nearer_is_meant() -> None:
    resolver = Resolver(["a/lib/list.h", "b/lib/list.h", "b/src/main.c"])
    assert resolver.targets("b/src/main.c", "c", [Import("lib/list.h", (), 1)]) == {"b/lib/list.h"}


@pytest.mark.parametrize("piece", ["/*\n", '\\"\\\n'], ids=["comments", "strings"])
def test_a_configuration_that_begins_very_much_and_ends_nothing_is_read_once(piece: str) -> None:
    """Were it searched again from each beginning, this would take minutes."""
    config = ('"' + piece * (400_000 // len(piece))).encode()
    resolver = Resolver(["tsconfig.json", "a.ts", "b.ts"], {"tsconfig.json": config}.get)
    assert resolver.targets("a.ts", "typescript", [Import("./b", (), 1)]) == {"b.ts"}


def test_an_alias_has_one_star() -> None:
    """With more of them a short import would become a name of megabytes."""
    config = b'{"compilerOptions": {"paths": {"#*": ["lib/*-*"]}}}'
    resolver = Resolver(["tsconfig.json", "a.ts", "lib/x-*.ts"], {"tsconfig.json": config}.get)
    assert resolver.targets("a.ts", "typescript", [Import("#x", (), 1)]) == {"lib/x-*.ts"}


parts = ["a", "b", "src", "__init__.py", "go.mod", "x.py", "x.rs", "mod.rs", "X.java", "..", "x.rb", "package.json"]
paths = st.lists(st.sampled_from(parts), min_size=1, max_size=4).map("/".join)
modules = st.text("ab./:\\*@~ x-", max_size=12)
languages = st.sampled_from(["python", "typescript", "go", "rust", "java", "csharp", "c", "php", "ruby"])
config = b'{"name": 3, "compilerOptions": {"paths": [1], "baseUrl": 5}}'
contents = st.sampled_from([None, b"", b"{", b"[" * 5000, config, b"module a\n", b"\xff"])


@given(st.sets(paths, max_size=8), languages, modules, st.lists(modules, max_size=2), contents)
def test_targets_are_other_files_of_the_project(
    all_paths: set[str], language: str, module: str, names: list[str], content: bytes | None
) -> None:
    resolver = Resolver(all_paths, lambda path: content)
    for path in all_paths:
        found = resolver.targets(path, language, [Import(module, tuple(names), 1)], names)
        assert found <= all_paths - {path}
