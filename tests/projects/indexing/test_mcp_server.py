"""Search as a tool, spoken to as an agent does: by a process of its own that knows the index and the tree alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.building import build_index
from projects.indexing.mcp_server import SHOWN_CHARACTERS, answer_to, command
from tests.projects.git.sample import make_origin
from tests.projects.indexing.indexes import InProcess, repository_of

pytestmark = pytest.mark.plumbing
CODE = {
    "shop/orders.py": "class OrderStore:\n    def cancel_order(self, number):\n        return number\n",
    "shop/views.py": "from shop.orders import OrderStore\n\n\ndef cancel():\n    OrderStore().cancel_order(1)\n",
    "web/orders.js": "export function cancelOrder(number) { return number }\n",
}


def made_index(folder: Path, files: dict[str, str]) -> Path:
    origin = make_origin(folder / "origin")
    commit = origin.commit({name: text.encode() for name, text in files.items()}, "Code")
    build_index(repository_of(origin), commit, folder / "code.sqlite", analyses=InProcess())
    return folder / "code.sqlite"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in CODE.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return made_index(tmp_path, CODE)


def request(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode() + b"\n"


def call(index: Path, tree: Path, **arguments: Any) -> tuple[bool, str]:
    answer = answer_to(request("tools/call", name="search_code", arguments=arguments), index, tree)
    assert answer is not None
    (content,) = answer["result"]["content"]
    return answer["result"]["isError"], content["text"]


def test_a_process_of_its_own_speaks_the_protocol(index: Path, tree: Path) -> None:
    asked = [
        request("initialize", protocolVersion="2025-03-26", capabilities={}),
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        request("tools/list"),
        request("tools/call", name="search_code", arguments={"query": "cancel_order"}),
        request("resources/list"),
        b"no json\n",
    ]
    program = command(sys.executable, index, tree)
    done = subprocess.run(program, input=b"".join(asked), capture_output=True, check=True, cwd="/", env={})
    begun, tools, found, unknown, broken = map(json.loads, done.stdout.splitlines())
    assert (begun["result"]["protocolVersion"], begun["result"]["capabilities"]) == ("2025-03-26", {"tools": {}})
    assert [tool["name"] for tool in tools["result"]["tools"]] == ["search_code"]
    assert "shop/orders.py defines cancel_order" in found["result"]["content"][0]["text"]
    assert (unknown["error"]["code"], broken["error"]["code"], done.stderr) == (-32601, -32700, b"")


def test_passages_are_shown_as_the_work_tree_has_them_now(index: Path, tree: Path) -> None:
    (tree / "shop/orders.py").write_text("class OrderStore:\n    changed = True\n")
    (tree / "shop/views.py").unlink()
    failed, text = call(index, tree, query="cancel_order")
    assert not failed
    assert "    changed = True" in text
    assert "shop/views.py" in text


def test_a_search_is_kept_to_a_folder_and_a_language(index: Path, tree: Path) -> None:
    assert "shop/" not in call(index, tree, query="cancelOrder", path="web/")[1]
    assert "orders.js" not in call(index, tree, query="cancel order", language="python")[1]


def test_what_is_not_found_is_said(index: Path, tree: Path) -> None:
    assert call(index, tree, query="zeppelin")[1].startswith("Nothing fits")


@pytest.mark.parametrize(
    "arguments", [{}, {"query": ""}, {"query": 3}, {"query": "a", "limit": 0}, {"query": "a", "path": []}]
)
def test_what_cannot_be_searched_is_an_error_that_the_model_reads(
    index: Path, tree: Path, arguments: dict[str, Any]
) -> None:
    failed, text = call(index, tree, **arguments)
    assert failed
    assert text.endswith(".")


def test_a_damaged_index_is_an_error_that_the_model_reads(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
    assert call(tmp_path / "broken.sqlite", tree, query="order")[0]


def test_what_is_shown_is_bounded(tmp_path: Path, tree: Path) -> None:
    many = {f"a{number}.py": "order = 1\n" * 150 for number in range(30)}
    for name, text in many.items():
        (tree / name).write_text(text)
    text = call(made_index(tmp_path, many), tree, query="order", limit=20)[1]
    assert len(text) < SHOWN_CHARACTERS + 200


JSON = st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=200) | JSON)
def test_no_message_breaks_it(message: bytes) -> None:
    answer = answer_to(message, Path("/none"), Path("/none"))
    assert answer is None or answer["jsonrpc"] == "2.0"
