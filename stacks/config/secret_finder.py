"""Secrets that somebody has put into an organization's file. Nothing here repeats what it finds."""

import re
from collections.abc import Collection, Iterator

_BELONGS = "VectorCare's client_id and client_secret belong in Secrets Manager, in the stack's output CredentialsSecret"
_PROFILE = "they belong in your AWS profile (aws sso login, or aws configure)"
_REPLACE = "delete it from the file and its history, and have it replaced"

# What a secret looks like anywhere in a line, remarks included.
_FORMS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"), "a private key", "only its owner needs it"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"), "AWS credentials", _PROFILE),
    (re.compile(r"://[^/\s\"'@:]+:[^/\s\"'@]+@"), "a password in a URL", _BELONGS),
    (
        re.compile(
            r"[?&](?:client_secret|secret|password|token|access_token|api_key|signature)=[^&\s\"']", re.IGNORECASE
        ),
        "a secret in a URL",
        _BELONGS,
    ),
    (
        re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."),
        "a token",
        "it is not needed here: the sender gets one",
    ),
)
# A key whose name says that its value is one. In a remark the value must look like one too.
_NAMES = r"secret|passwo?r?d|passphrase|private[_-]?key|api[_-]?key|access[_-]?key|credential|token|client[_-]?id"
_KEY = rf"""["']?(?P<key>[A-Za-z0-9_.-]{{0,40}}(?:{_NAMES})[A-Za-z0-9_.-]{{0,40}})["']?"""
_NAMED = re.compile(rf"[ \t]*{_KEY}[ \t]*=", re.IGNORECASE)
_REMARK = re.compile(rf"""[ \t]*\#.*?{_KEY}[ \t]*[=:][ \t]*["'][^\s"']{{8,}}["']""", re.IGNORECASE)
_AWS_NAMES = re.compile(r"aws|access[_-]?key", re.IGNORECASE)


def find(text: str, *, known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Find what looks like a secret: its line, and what it is and where it belongs. The `known` keys hold none."""
    for number, line in enumerate(text.split("\n"), start=1):
        named = _NAMED.match(line) or _REMARK.match(line)
        form = next(((what, where) for pattern, what, where in _FORMS if pattern.search(line)), None)
        if form:
            what, where = form
        elif named and named["key"] not in known:
            what, where = "a secret", _PROFILE if _AWS_NAMES.search(named["key"]) else _BELONGS
        else:
            continue
        yield number, f"looks like {what}, which no file here may hold; {_REPLACE}; {where}"
