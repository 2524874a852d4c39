"""Which statuses are expected of each operation, made of what the document says of it and of the reasons that
schemathesis.toml gives for it; schemathesis knows lists for all operations only, or such as are written by hand.
"""

from typing import Any

import schemathesis
from schemathesis.config import OperationConfig

MADE = ("2", "304")
OF_A_WRONG_REQUEST = ("400", "404", "406", "412", "413", "415", "416", "422")
"""No 409: what is wrong with a request is told before the state of what it is about."""
Document = dict[str, Any]


def look_up(document: Document, given: Document) -> Document:
    """The component that a reference names; what is none stays."""
    _, _, name = given.get("$ref", "").partition("#/components/")
    kind, _, name = name.partition("/")
    found: Document = document["components"][kind][name] if name else given
    return found


def codes(document: Document, operation: Document) -> dict[str, str]:
    """The status of each code that an operation may refuse with."""
    found = {}
    for status, response in operation["responses"].items():
        content = look_up(document, response).get("content", {}).get("application/problem+json")
        for each in content["schema"].get("oneOf", [content["schema"]]) if content else ():
            found[look_up(document, each)["properties"]["code"]["const"]] = status
    return found


def reasons(schema: Any, operation: Any) -> set[str]:
    """The codes that schemathesis.toml explains for an operation, without those of members."""
    checks = schema.config.checks_config_for(operation=operation)
    return {code.partition(":")[0] for code in checks.custom_kwargs.get("refused_with_a_reason", {})}


@schemathesis.hook
def before_init_operation(context: Any, operation: Any) -> None:
    """What fits the description succeeds or is refused for an explained reason; what does not fit is refused for that.

    Lists of schemathesis.toml for single operations come first and stay.
    """
    schema, told = operation.schema, operation.definition.raw
    known = codes(schema.raw_schema, told)
    made = [status for status in told["responses"] if status.startswith(MADE)]
    explained = {known[code] for code in reasons(schema, operation) if code in known}
    refused = [status for status in told["responses"] if status in OF_A_WRONG_REQUEST]
    elsewhere = ["405"] if "{" in operation.path else []  # an empty part of the address leads to another route
    checks = {
        "positive_data_acceptance": {"expected-statuses": [*made, *sorted(explained)]},
        "negative_data_rejection": {"expected-statuses": [*refused, *elsewhere]},
    }
    own = OperationConfig.from_dict({"include-operation-id": told["operationId"], "checks": checks})
    schema.config.operations.operations.append(own)
