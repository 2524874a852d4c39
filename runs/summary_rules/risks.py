"""All rules, and what they find. One that fails costs itself only, and is told of."""

import logging
from collections.abc import Callable, Mapping, Sequence

from runs.summary_rules import conduct_risks, content_risks, place_risks, shape_risks
from runs.summary_rules.facts import Finding, Risk, Severity, Work

MAX_PATHS = 20

RULES: Mapping[str, Callable[[Work], Finding | None]] = {
    "authentication": content_risks.find_authentication,
    "secrets": content_risks.find_secrets,
    "migrations": place_risks.find_migrations,
    "ci": place_risks.find_ci,
    "dependencies": place_risks.find_dependencies,
    "infrastructure": place_risks.find_infrastructure,
    "agent-instructions": place_risks.find_agent_instructions,
    "deleted-tests": content_risks.find_deleted_tests,
    "disabled-tests": content_risks.find_disabled_tests,
    "failed-tests": conduct_risks.find_failed_tests,
    "untested": conduct_risks.find_untested,
    "large-deletions": shape_risks.find_large_deletions,
    "generated": place_risks.find_generated,
    "executables": shape_risks.find_executables,
    "symlinks": shape_risks.find_symlinks,
    "submodules": shape_risks.find_submodules,
    "binaries": shape_risks.find_binaries,
    "unread": shape_risks.find_unread,
    "failed-commands": conduct_risks.find_failed_commands,
    "unasked": conduct_risks.find_unasked,
}
_ORDER: Sequence[Severity] = ("high", "medium", "low")

logger = logging.getLogger(__name__)


def assess(work: Work, rules: Mapping[str, Callable[[Work], Finding | None]] = RULES) -> tuple[Risk, ...]:
    """What the rules find, the gravest first, else in the order of the rules."""
    found = [risk for rule, find in rules.items() if (risk := _apply(rule, find, work))]
    return tuple(sorted(found, key=lambda risk: _ORDER.index(risk.severity)))


def _apply(rule: str, find: Callable[[Work], Finding | None], work: Work) -> Risk | None:
    try:
        finding = find(work)
    except Exception:
        logger.exception("The rule %s could not be applied.", rule)
        finding = Finding("This rule could not be applied: look for yourself.", "medium")
    if finding is None:
        return None
    return Risk(rule, finding.severity, finding.message, finding.paths[:MAX_PATHS], len(finding.paths))
