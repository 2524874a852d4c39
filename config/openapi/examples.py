"""Examples of bodies, by the name of their schema. A test checks each against it."""

from typing import Any

_COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_AT = "2026-11-23T08:15:30.042Z"
EXAMPLES: dict[str, Any] = {
    "SignInRequest": {"email": "anna@example.com", "password": "correct-horse-battery", "deviceName": "Anna's phone"},
    "ElevateRequest": {"password": "correct-horse-battery", "abilities": ["git:push"], "ttlMinutes": 15},
    "User": {"id": 3, "email": "anna@example.com", "name": "Anna", "isOperator": False, "abilities": ["projects:*"]},
    "ProjectRequest": {"name": "Sample", "repositoryUrl": "https://git.example.com/sample.git"},
    "RunDraftRequest": {"projectId": 3, "title": "Fix the login", "prompt": "The login fails with …", "start": True},
    "ApproveRequest": {"notes": "Looks good.", "tree": _COMMIT, "commit": True},
    "CommitRequest": {"message": "Fix the login"},
    "Diff": {
        "diff": "diff --git a/app.py b/app.py\n…",
        "stats": {"files": 1, "additions": 2, "deletions": 1},
        "tree": _COMMIT,
        "truncated": False,
        "lossy": False,
    },
    "Event": {
        "id": 91823,
        "runId": 148,
        "projectId": 3,
        "seq": 57,
        "attempt": 1,
        "eventType": "file_updated",
        "severity": "info",
        "path": "app/models.py",
        "message": "Changed app/models.py.",
        "data": {},
        "createdAt": _AT,
    },
}
