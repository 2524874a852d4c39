"""Risks that changed lines tell: who may do what, secrets, tests that are switched off."""

import re
from collections.abc import Iterator

from runs.summary_rules.facts import ChangedFile, Finding, Work
from runs.summary_rules.matching import (
    MAX_LINE_CHARACTERS,
    changed_lines,
    files_told,
    is_code,
    name_of,
    says,
    words_of,
)

MAX_TOLD = 5
_AUTH_WORDS = frozenset(
    {
        *("auth", "authn", "authz", "authentication", "authenticate", "authenticator", "authorization", "authorize"),
        *("authorise", "authorisation", "login", "logout", "signin", "signup", "password", "passwords", "passwd"),
        *("permission", "permissions", "oauth", "oauth2", "oidc", "jwt", "saml", "sso", "ldap", "totp", "mfa", "2fa"),
        *("acl", "rbac", "session", "sessions", "csrf", "cors", "credential", "credentials", "crypto", "security"),
        *("roles", "policies", "token", "tokens"),
    }
)
_AUTH_LINES = re.compile(
    r"login_required|permission_required|permission_classes|authentication_classes|AllowAny|IsAuthenticated|csrf_exempt"
    r"|user_passes_test|is_superuser|is_staff|has_perm\b|check_password|set_password|make_password|verify_password"
    r"|PreAuthorize|\[Authorize|\[AllowAnonymous|@Secured|@RolesAllowed|permitAll\(|authenticate_user"
    r"|before_action :auth"
    r"|skip_before_action|passport\.|jwt\.(?:decode|verify|sign|encode)|verify_signature|bcrypt|argon2|Gate::"
    r"|verify\s*=\s*False|rejectUnauthorized|InsecureSkipVerify|CURLOPT_SSL_VERIFY|_create_unverified_context"
)
_SECRET_NAMES = re.compile(
    r"\.env(?:\.[\w-]+)?|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc)|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc"
    r"|\.pgpass"
    r"|\.htpasswd|\.git-credentials|credentials(?:\.json)?|secrets?\.(?:json|ya?ml|toml|ini|properties)"
    r"|service[-_]account[\w-]*\.json|.+\.tfvars|\.pypirc"
)
_SAMPLE_NAME = re.compile(r".*[._-](?:example|sample|template|dist|defaults?|test|schema)(?:\..*)?")
_SECRET_LINES = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{40}|\bglpat-[\w-]{20}"
    r"|\bxox[abeoprs]-[\w-]{10}|\bsk-[\w-]{20}|\bAIza[\w-]{35}|\b[rs]k_live_[A-Za-z0-9]{20}|\bnpm_[A-Za-z0-9]{36}"
    r"|-----BEGIN (?:[A-Z]{2,10} )?(?:[A-Z]{2,10} )?PRIVATE KEY|\beyJ[\w-]{20,400}\.eyJ[\w-]{20}"
    r"|://[^\s/:@]{1,80}:[^\s/@:{$<]{6,100}@"
)
_ASSIGNED = re.compile(
    r"(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|private[_-]?key|client[_-]?secret)"
    r"['\"]?\s{0,10}(?::|=>?|:=)\s{0,10}['\"]([^'\"\s]{8,200})['\"]",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"[$<{%]|example|changeme|placeholder|dummy|your[_-]|xxxx|\*\*\*\*|redacted", re.IGNORECASE)
_DISABLES = re.compile(
    r"@(?:pytest\.mark\.|unittest\.)?(?:skip|skipIf|skipif|skipUnless|xfail|expectedFailure)\b|pytest\.skip\("
    r"|self\.skipTest\("
    r"|\b(?:it|test|describe|context|suite)\.(?:skip|only|todo|fixme)\b|(?<![.\w])[xf](?:it|describe|test|context"
    r"|specify)\s?\("
    r"|\bt\.Skip(?:f|Now)?\(|#\[ignore|@(?:Disabled|Ignore)\b|\[(?:Ignore|Skip)\b|\bSkip\s?=|markTest(?:Skipped"
    r"|Incomplete)\("
    r"|^\s*(?:skip|pending)\b(?! *=)|GTEST_SKIP|XCTSkip|@tag :skip"
)
_DEFINES_TEST = re.compile(
    r"^\s*(?:async\s+)?def test|^\s*class Test|\b(?:it|test|specify)(?:\.each)?\s?\(|^\s*func Test\w"
    r"|#\[(?:tokio::)?test"
    r"|@(?:Parameterized)?Test\b|\[(?:Fact|Theory|Test|TestMethod)\b|^\s*it ['\"]|^\s*test ['\"]|function test\w"
    r"|^\s*TEST(?:_[FP])?\("
)


def find_authentication(work: Work) -> Finding | None:
    """Code that decides who somebody is and what they may do, by its name or by its changed lines."""
    paths = [file.path for file in work.files if is_code(file) and _is_about_auth(file)]
    told = files_told(paths, "is about who may do what.", "are about who may do what.")
    return Finding(told, "high", tuple(paths)) if paths else None


def _is_about_auth(file: ChangedFile) -> bool:
    return bool(_AUTH_WORDS & words_of(file.path)) or says(changed_lines(file), _AUTH_LINES)


def find_secrets(work: Work) -> Finding | None:
    """Files that hold secrets by their names, and added lines that look like one. Where they are, never what."""
    files = [file for file in work.files if file.change_type != "deleted"]
    named = [file.path for file in files if _is_secret_name(name_of(file.path))]
    lines = [(file.path, number) for file in files if file.kind != "generated" for number in _secret_lines(file)]
    if not named and not lines:
        return None
    told = [
        files_told(named, "has a name of files that hold secrets.", "have names of files that hold secrets.")
    ] * bool(named)
    if lines:
        places = ", ".join(f"{path}:{number}" for path, number in lines[:MAX_TOLD])
        told.append(f"What looks like a secret was added: {places}{', …' if len(lines) > MAX_TOLD else ''}.")
    return Finding(" ".join(told), "high", tuple(dict.fromkeys((*(path for path, _ in lines), *named))))


def _is_secret_name(name: str) -> bool:
    return _SECRET_NAMES.fullmatch(name) is not None and _SAMPLE_NAME.fullmatch(name) is None


def _secret_lines(file: ChangedFile) -> Iterator[int]:
    for number, line in file.added:
        text = line[:MAX_LINE_CHARACTERS]
        assigned = _ASSIGNED.search(text)
        if _SECRET_LINES.search(text) or (assigned and not _NO_SECRET.search(assigned[1])):
            yield number


def find_deleted_tests(work: Work) -> Finding | None:
    """Test files that are gone, and those which have lost more tests than they gained."""
    gone = [file.path for file in work.files if file.kind == "test" and file.change_type == "deleted"]
    fewer = [
        file.path for file in work.files if file.kind == "test" and file.path not in gone and _lost_tests(file) > 0
    ]
    if not gone and not fewer:
        return None
    told = [files_told(gone, "of tests was deleted.", "of tests were deleted.")] * bool(gone)
    told += [files_told(fewer, "has fewer tests than before.", "have fewer tests than before.")] * bool(fewer)
    return Finding(" ".join(told), "high", (*gone, *fewer))


def _lost_tests(file: ChangedFile) -> int:
    lost = sum(says([line], _DEFINES_TEST) for line in file.removed)
    return lost - sum(says([line], _DEFINES_TEST) for _, line in file.added)


def find_disabled_tests(work: Work) -> Finding | None:
    """Test files with more marks by which tests are skipped, expected to fail, or kept from all others."""
    files = [file for file in work.files if file.kind == "test" and file.change_type != "deleted"]
    paths = [file.path for file in files if _disabled(file) > 0]
    told = files_told(paths, "switches tests off.", "switch tests off.")
    return Finding(told, "high", tuple(paths)) if paths else None


def _disabled(file: ChangedFile) -> int:
    more = sum(says([line], _DISABLES) for _, line in file.added)
    return more - sum(says([line], _DISABLES) for line in file.removed)
