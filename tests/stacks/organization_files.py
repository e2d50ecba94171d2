"""Organization files: what the least and the most of them say."""

import secrets

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def public_pem(*, bits: int = 2048) -> str:
    """Write an invented public key of that length: no test signs with it, and finding primes would take seconds."""
    modulus = secrets.randbits(bits) | 1 << (bits - 1) | 1
    key = rsa.RSAPublicNumbers(e=65537, n=modulus).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_keys(*pems: str) -> str:
    """Write the line of a file that lists the keys."""
    listed = ", ".join(f"'''{pem}'''" for pem in pems)
    return f"public_keys = [{listed}]\n"


def _listed(*values: str) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


CERTIFICATE_ARN = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
MINIMAL = with_keys(public_pem())
# Of each of these keys nearly as much as AWS takes.
LONGEST_KEYS = with_keys(*(public_pem(bits=4096) for _ in range(4)))
LONGEST = {
    "publish_actions": f"publish_actions = {_listed(*(f'ACTION_{n:027d}' for n in range(100)))}\n",
    "vectorcare_api_url": f'vectorcare_api_url = "https://vectorcare.example.com/{"a" * 3000}"\n',
    "allowed_source_ips": "allowed_source_ips = "
    + _listed("2001:db8::/32", *(f"198.51.{n // 256}.{n % 256}" for n in range(418)))
    + "\n",
    "alarm_emails": f"alarm_emails = {_listed(*(f'a{n}@example.com' for n in range(250)))}\n",
}
EVERYTHING = f"""{LONGEST_KEYS}
{LONGEST["publish_actions"]}{LONGEST["vectorcare_api_url"]}{LONGEST["allowed_source_ips"]}
environment = "production"
customer_id = "W6m~x.Zk3_q-9Jt2Rb7u"
order_by = "event_id"
publish_data = true
vectorcare_token_url = "https://vectorcare.example.com/token"
alarm_emails = ["oncall@example.com", "lead@example.com"]
journal_retention_days = 400
state_retention_days = 30
max_concurrency = 2
former_customer_ids = ["acme", "Kp4.b~x_2-9Jt2Rb7uQ"]
domain_name = "webhooks.example.com"
keep_default_url = false
tls_policy = "SecurityPolicy_TLS13_1_3_2025_09"
endpoint_access = "BASIC"
cost_centre = "Transport 4711/b"
certificate_arn = "{CERTIFICATE_ARN}"
region = "us-east-1"
[twin]
region = "us-west-2"
reconcile = "1 hour"
[alarms]
freshness_seconds = 120
waiting_messages = 500
answer_milliseconds = 5000
refused_webhooks = 2
duplicates_per_hour = 40
silence_minutes = 90
publishing_seconds = 600
command_seconds = 90
failed_commands_percent = 40
busy_hours = "06:30-22:15"
busy_days = ["SAT", "SUN"]
time_zone = "America/Los_Angeles"
"""
