"""The inputs that are the same in every run: the forgeries and the limits."""

import base64
from typing import Any

from verification.fuzzing.forgeries import vectors
from verification.fuzzing.harness import Harness
from verification.fuzzing.limits import LIMITS


def run(harness: Harness) -> list[str]:
    """Run all of them; answer what is not as it must be."""
    broken = []
    for name, limit in LIMITS.items():
        for case, ends in limit.cases():
            violation = harness.run(case)
            if violation or not ends & harness.last.keys():
                broken.append(f"{name}: {violation or dict(harness.last)}")
                harness.counts["violations"] += not violation
    broken += _forgeries(harness)
    return broken


def _forgeries(harness: Harness) -> list[str]:
    # The module as the functions know it, which is there once they have been loaded.
    from vectorcare_bridge.webhooks import signature  # noqa: PLC0415 it is there once a stand's loader has run

    keys: dict[bytes, Any] = {}
    broken = []
    for vector in vectors():
        if vector.key not in keys:
            keys[vector.key] = signature.load_keys(base64.b64encode(vector.key).decode())
        try:
            signature.verify(vector.body, vector.header, keys[vector.key])
            is_let_in = True
        except signature.SignatureRefusedError:
            is_let_in = False
        harness.counts.update(["inputs", "signed" if vector.is_valid else "unsigned"])
        harness.counts["signature let in" if is_let_in else "signature refused"] += 1
        if is_let_in != vector.is_valid:
            harness.counts["violations"] += 1
            broken.append(f"{vector.name}: {'let in' if is_let_in else 'refused'}")
    return broken
