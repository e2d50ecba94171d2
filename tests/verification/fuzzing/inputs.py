"""Inputs as the fuzzer makes them, drawn from a seed and without coverage to guide them."""

from collections.abc import Iterator
from random import Random

from verification.fuzzing.case import Case, parse
from verification.fuzzing.mutate import bit_havoc, mutate

_MUTATIONS = 10


def drawn(target: str, seed: int, count: int) -> Iterator[Case]:
    """Give so many: each tenth new, the others mutations of the one before."""
    random = Random(seed)
    data = b""
    for number in range(count):
        data = data if number % _MUTATIONS else b""
        data = mutate(data, target, random, max_size=16_384, havoc=bit_havoc(random))
        yield parse(data)
