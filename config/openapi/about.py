"""What the document says before the routes: the rules that hold for all of them, and what the groups of routes are."""

DESCRIPTION = """\
Steer AI coding agents on Git projects.

**Who asks.** `Authorization: Bearer {id}|{secret}`, a token of `POST /api/auth/token`. Each operation names the ability
that the token must hold (`x-required-ability`).

**Errors** are `application/problem+json` (RFC 9457), whatever `Accept` says. Compare `code` only. A 422
`validation-failed` has a JSON pointer for each member at fault.

**Lists** are `{ data, meta: { nextCursor } }`. `cursor` is opaque and goes with the same other parameters.

**Times** are UTC with three decimals, ids are integers. `PUT` is partial: absent members stay, `null` clears.

**What is new.** Ignore members, event types and values of enumerations that you do not know.

**Caching.** `GET` of one resource has an `ETag` and honours `If-None-Match`; `PUT` honours `If-Match`.

**Retries.** `POST` takes an `Idempotency-Key`: the same key and body get the first answer again for a day.

**Limits.** `RateLimit` and `RateLimit-Policy` are on every answer to a token; 429 has `Retry-After`.
"""
TAGS = [
    {"name": "auth", "description": "Signing in, sessions, and more abilities for a short time."},
    {"name": "projects", "description": "Git repositories, who works on them, and what is known of their code."},
    {"name": "runs", "description": "A prompt given to an agent: its moves, its log, its files, its review."},
    {"name": "events", "description": "One stream over all the caller's runs."},
    {"name": "snapshots", "description": "Work trees as they were."},
    {"name": "blobs", "description": "Kept outputs, by signed addresses."},
    {"name": "devices", "description": "Where pushes go."},
    {"name": "settings", "description": "Server params and agents; changes are for operators."},
    {"name": "meta", "description": "What this server is."},
    {"name": "schema", "description": "This document."},
    {"name": "metrics", "description": "Figures for Prometheus."},
    {"name": "operations", "description": "For those who run the server."},
]
