"""Risks that files' places and names tell: CI, dependencies, infrastructure, migrations and others."""

import re

from runs.summary_rules.facts import Finding, Severity, Work
from runs.summary_rules.matching import changed_lines, files_told, matching, says

_CI = re.compile(
    r"(?:.*/)?(?:\.github/(?:workflows|actions)/.+|\.gitlab-ci\.ya?ml|\.gitlab/.+\.ya?ml|jenkinsfile(?:[.-]\w+)?|\.circleci/.+"
    r"|\.?azure-pipelines[^/]*\.ya?ml|\.travis\.yml|bitbucket-pipelines\.yml|\.drone\.ya?ml|\.buildkite/.+|\.woodpecker.*"
    r"|\.ci/.+|\.cirrus\.yml|appveyor\.yml|\.teamcity/.+|action\.ya?ml|cloudbuild\.ya?ml|buildspec\.ya?ml|\.husky/.+"
    r"|\.githooks/.+|\.pre-commit-config\.yaml|lefthook\.ya?ml|codeowners)",
    re.IGNORECASE,
)
_MANIFESTS = re.compile(
    r"(?:.*/)?(?:package\.json|pyproject\.toml|setup\.py|setup\.cfg|requirements[^/]*\.(?:txt|in)|requirements/[^/]+\.(?:txt|in)"
    r"|constraints[^/]*\.txt|pipfile|environment\.ya?ml|gemfile|[^/]+\.gemspec|composer\.json|go\.mod|cargo\.toml|pom\.xml"
    r"|[^/]*\.gradle(?:\.kts)?|libs\.versions\.toml|[^/]+\.(?:csproj|fsproj|vbproj)|directory\.packages\.props"
    r"|packages\.config|nuget\.config|package\.swift|podfile|pubspec\.yaml|mix\.exs|deno\.jsonc?|conanfile\.(?:txt|py)"
    r"|vcpkg\.json|flake\.nix|\.npmrc|\.yarnrc(?:\.yml)?|pip\.conf)",
    re.IGNORECASE,
)
_LOCKS = re.compile(
    r"(?:.*/)?(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|poetry\.lock|uv\.lock|pdm\.lock"
    r"|pipfile\.lock|gemfile\.lock|composer\.lock|go\.sum|cargo\.lock|packages\.lock\.json|package\.resolved|podfile\.lock"
    r"|pubspec\.lock|mix\.lock|deno\.lock|flake\.lock|gradle\.lockfile|requirements[^/]*\.lock|conan\.lock)",
    re.IGNORECASE,
)
_INFRASTRUCTURE = re.compile(
    r"(?:.*/)?(?:(?:dockerfile|containerfile)[^/]*|[^/]+\.dockerfile|(?:docker-)?compose[^/]*\.ya?ml|\.dockerignore"
    r"|[^/]+\.(?:tf|tfvars|hcl|bicep|nomad)|(?:k8s|kubernetes|helm|charts|terraform|ansible|deploy|deployment|infra)/.+"
    r"|chart\.yaml|kustomization\.ya?ml|skaffold\.yaml|serverless\.ya?ml|procfile|fly\.toml|render\.yaml|app\.ya?ml"
    r"|vercel\.json|netlify\.toml|wrangler\.(?:toml|jsonc?)|nginx[^/]*\.conf|caddyfile|[^/]+\.service|vagrantfile"
    r"|supervisord\.conf|pulumi\.[^/]+|cdk\.json)",
    re.IGNORECASE,
)
_INSTRUCTIONS = re.compile(
    r"(?:.*/)?(?:agents\.md|claude\.md|gemini\.md|qwen\.md|\.mcp\.json|opencode\.jsonc?|\.cursorrules|copilot-instructions\.md"
    r"|\.(?:claude|codex|cursor|gemini|qwen|vibe|opencode|agents)/.+)",
    re.IGNORECASE,
)
_DESTROYS = re.compile(
    r"drop\s+(?:table|column|database|schema|index|constraint)|truncate\s+table|delete\s+from"
    r"|\b(?:RemoveField|DeleteModel|RenameField|RenameModel|drop_table|drop_column|remove_column|remove_columns"
    r"|rename_column|dropColumn|dropTable|dropIfExists|dropForeign|removeColumn|renameColumn)\b",
    re.IGNORECASE,
)


def find_ci(work: Work) -> Finding | None:
    """Files that a CI service or a git hook acts by."""
    paths = matching(work.files, _CI)
    told = files_told(paths, "decides what CI or git hooks do.", "decide what CI or git hooks do.")
    return Finding(told, "high", tuple(paths)) if paths else None


def find_dependencies(work: Work) -> Finding | None:
    """Files that say what is installed. Lock files alone are less, but then nothing says why they changed."""
    manifests, locks = matching(work.files, _MANIFESTS), matching(work.files, _LOCKS)
    if not manifests and not locks:
        return None
    if not manifests:
        told = files_told(locks, "locks dependencies", "lock dependencies")
        return Finding(f"{told}, and nothing that asks for other ones was changed.", "medium", tuple(locks))
    told = files_told(manifests, "says what is installed.", "say what is installed.")
    return Finding(told, "medium", (*manifests, *locks))


def find_infrastructure(work: Work) -> Finding | None:
    """Files that say how the project is built into images, deployed and run."""
    paths = matching(work.files, _INFRASTRUCTURE)
    told = files_told(
        paths, "decides how the project is deployed or run.", "decide how the project is deployed or run."
    )
    return Finding(told, "medium", tuple(paths)) if paths else None


def find_agent_instructions(work: Work) -> Finding | None:
    """Files that later agents take for instructions, or start programs by."""
    paths = matching(work.files, _INSTRUCTIONS)
    told = files_told(paths, "tells later agents what to do.", "tell later agents what to do.")
    return Finding(told, "medium", tuple(paths)) if paths else None


def find_migrations(work: Work) -> Finding | None:
    """Database migrations; those that take something away, and changes of old ones, weigh more."""
    files = [file for file in work.files if file.kind == "migration" or _is_sql_change(file.path)]
    if not files:
        return None
    destroying = [file.path for file in files if says(changed_lines(file), _DESTROYS)]
    old = [file.path for file in files if file.change_type != "created"]
    severity: Severity = "high" if destroying or old else "medium"
    told = [files_told(files, "is a database migration.", "are database migrations.")]
    if destroying:
        told.append(f"{len(destroying)} can take data away or rename it.")
    if old:
        told.append(f"{len(old)} existed before: databases that have applied them stay as they are.")
    rest = [file.path for file in files if file.path not in {*destroying, *old}]
    return Finding(" ".join(told), severity, tuple(dict.fromkeys((*destroying, *old, *rest))))


def _is_sql_change(path: str) -> bool:
    return path.lower().endswith((".up.sql", ".down.sql"))


def find_generated(work: Work) -> Finding | None:
    """Files that a program wrote: whatever is changed by hand is lost when it writes them again."""
    paths = tuple(file.path for file in work.files if file.kind == "generated" and not _LOCKS.fullmatch(file.path))
    told = files_told(
        paths, "is generated: was its source changed too?", "are generated: were their sources changed too?"
    )
    return Finding(told, "low", paths) if paths else None
