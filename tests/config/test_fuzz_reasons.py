"""schemathesis.toml explains refusals where they can happen, and nowhere else."""

import tomllib

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok

from tests.config.described import DOCUMENT
from tests.fuzz_expected import codes, reasons
from tests.serving import ROOT

pytestmark = pytest.mark.plumbing


def test_a_reason_is_given_only_to_operations_that_may_refuse_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FUZZ_TOKEN", "FUZZ_SPARE_TOKEN"):
        monkeypatch.setenv(name, "1")
    committed = tomllib.loads((ROOT / "schemathesis.toml").read_text())
    del committed["hooks"]  # they ask a running server
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict(committed))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert {
        (operation.definition.raw["operationId"], code)
        for operation in operations
        for code in reasons(schema, operation) - codes(DOCUMENT, operation.definition.raw).keys()
    } == set()
