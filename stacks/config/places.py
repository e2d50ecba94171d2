"""Names of places: regions, domains, and the certificates of domains."""

from stacks.config import parsers

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
"""A part of a domain name."""

_REGION = r"[a-z]{2,}(-[a-z]+)+-[0-9]"

region = parsers.matching(_REGION, "is not an AWS region; write it as us-east-1")
domain_name = parsers.matching(
    rf"(?=.{{1,253}}$)({LABEL}\.)+(?![0-9]+$){LABEL}",
    "is not a domain name; write it in small letters without https://",
)
certificate_arn = parsers.matching(
    rf"arn:aws(-[a-z]+)*:acm:{_REGION}:[0-9]{{12}}:certificate/[A-Za-z0-9-]{{1,64}}",
    "is not an ACM certificate; copy its ARN from Certificate Manager in the region of the stack",
)
