"""Every mistake in an organization's file is one line: file, key, what is wrong, how to fix it."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization, load_organizations
from tests.stacks.organization_files import public_pem, with_keys

KEY = public_pem()
VALID = with_keys(KEY)
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PKCS8 = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PKCS1 = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
ELLIPTIC = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CUT_SHORT = "\n".join(KEY.splitlines()[:-2])
CERTIFICATE_ARN = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
DOMAIN = 'domain_name = "webhooks.example.com"\n'
WITH_DOMAIN = VALID + DOMAIN + f'certificate_arn = "{CERTIFICATE_ARN}"\n'
TWIN = '[twin]\nregion = "us-west-2"\n'
WITH_TWIN = VALID + 'region = "us-east-1"\n' + TWIN
ALARMS = VALID + "[alarms]\n"
PRODUCTION = VALID + 'environment = "production"\nalarm_emails = ["oncall@example.com"]\n'

# Files by the end of their first error.
DOCUMENTS = {
    "public_keys: is not closed: a quote or a bracket is missing": "public_keys = [",
    "max_concurrency: is not TOML: a number is too": VALID + f"max_concurrency = {'1' * 5000}\n",
    "is not TOML: a number is too long, or a list": f"public_keys = {'[' * 5000}{']' * 5000}\n",
    "order_by: is in line 11 already; remove": VALID + 'order_by = "event_id"\norder_by = "event_id"\n',
    "[alarms]: is in line 11 already; remove": ALARMS + ALARMS.removeprefix(VALID),
    "a line: is not TOML; write it as key = value, or put #": VALID + "nonsense\n",
    "environment: is neither true, false nor a number; put text between": VALID + "environment = uat\n",
    "environment: has no quote at its end; add": VALID + 'environment = "uat\n',
    "environment: has no value; write": VALID + "environment =\n",
    "max_concurency: is not a key of this file; did you mean max_": VALID + "max_concurency = 3\n",
    "zzz: is not a key of this file; the keys are public_keys, environment": VALID + "zzz = 3\n",
    "a key: is not a key of this file": VALID + '"a\\nb" = 3\n',
    "alarms.silence: is not a key of this file; did you mean silence_mi": ALARMS + "silence = 3\n",
    "alarms.a key: is not a key of this file; the keys are fr": ALARMS + '"a\\nb" = 3\n',
    "public_keys: is missing; list": "",
    "public_keys: is empty; list": "public_keys = []\n",
    "public_keys: is not a list; put": f"public_keys = '''{KEY}'''\n",
    "public_keys[0]: is not a text; put": "public_keys = [1]\n",
    "public_keys[0]: has 1024 bits, fewer than 2048; ask": with_keys(public_pem(bits=1024)),
    "public_keys[1]: is not an RSA key; copy": with_keys(KEY, ELLIPTIC),
    "public_keys[0]: is a private key; delete it": with_keys(PKCS8),
    "public_keys[0]: is a private key; delete": with_keys(PKCS1),
    "public_keys[0]: is a private key;": with_keys(KEY + PKCS8),
    "public_keys[0]: is a certificate; extract its key with: openssl": with_keys(CERTIFICATE),
    "public_keys[0]: is not a readable PEM public key; copy": with_keys(CUT_SHORT),
    "public_keys[0]: has 0 PEM blocks instead of": with_keys("MIIBIjANBgkqhkiG9w0"),
    "public_keys[0]: has 2 PEM blocks instead of one; copy": with_keys(KEY + public_pem()),
    "public_keys[1]: repeats [0]; remove": with_keys(KEY, KEY),
    "customer_id: can be guessed, which production does not allow; set": PRODUCTION,
    "customer_id: can be guessed": PRODUCTION + 'customer_id = "acme-2026"\n',
    "alarm_emails: names nobody who would hear of an alarm, which production does not allow; name": VALID
    + 'environment = "production"\ncustomer_id = "W6m-x.Zk3_q-9Jt2Rb7u"\nalarm_emails = []\n',
    "certificate_arn: is missing; domain_name needs": VALID + DOMAIN,
    "domain_name: is missing; name": VALID + f'certificate_arn = "{CERTIFICATE_ARN}"\n',
    "certificate_arn: is of another region than the stack, which is in eu-west-1; request": WITH_DOMAIN
    + 'region = "eu-west-1"\n',
    "certificate_arn: is of another account than the stack, which is in 210987654321; request": WITH_DOMAIN
    + 'account = "210987654321"\nregion = "us-east-1"\n',
    "twin.region: is missing; name": VALID + "[twin]\n",
    "region: is missing; a file with [twin]": VALID + TWIN,
    "twin.region: is the first stack's too; name": VALID + 'region = "us-west-2"\n' + TWIN,
    "twin.domain_name: is the first stack's too; VectorCare": WITH_DOMAIN
    + 'region = "us-east-1"\n'
    + TWIN
    + DOMAIN
    + f'certificate_arn = "{CERTIFICATE_ARN.replace("east-1", "west-2")}"\n',
    "twin.certificate_arn: is missing; domain_name needs": WITH_TWIN + DOMAIN,
    "twin.certificate_arn: is of another region than the stack, which is in us-west-2; request": WITH_TWIN
    + DOMAIN
    + f'certificate_arn = "{CERTIFICATE_ARN}"\n',
}
# Values by the error that names their key and place.
VALUES = {
    "environment: is not one of its values; choose uat or": ('"prod"',),
    "customer_id: has a length or characters that a URL": ('"a b"', '""'),
    "order_by: is not one of its values; choose event_t": ('"last_updated"',),
    "allowed_source_ips[0]: is not a text": ("[3221225984]",),
    "allowed_source_ips[0]: is not a network; write it in CIDR form": (
        *('["x"]', '["10.0.0.0/33"]', '["203.0.113.0/255.255.255.0"]', '["fe80::1%eth0"]', '["::ffff:203.0.113.7"]'),
        '["203.0.113.7\\n"]',
    ),
    "allowed_source_ips[0]: has bits set after its prefix; write 203.0.113.0/24 or": ('["203.0.113.7/24"]',),
    "allowed_source_ips[1]: repeats [0]; remove": ('["2001:db8::1", "2001:0DB8:0::1/128"]',),
    "publish_actions[0]: is not an action": ('["accept"]',),
    "publish_data: is neither true nor false; write": ('"false"',),
    "vectorcare_api_url: is not a plain https URL; write it as https://hub.vectorcare.com/openapi/v2.0": (
        '"http://hub.vectorcare.com/openapi/v2.0"',
        '"https://hub.vectorcare.com/openapi#v2"',
        '"https://hub..vectorcare.com"',
        '"https://hub.vectorcare.com:65536"',
        '"https://hub.vectorc\u0430re.com"',  # a letter that looks alike
    ),
    "vectorcare_token_url: looks like a password in a URL, which no file": (
        '"https://user:invented@auth.example.com/token"',
    ),
    "vectorcare_token_url: looks like a secret in a URL, which no file": (
        '"https://auth.example.com/token?client_secret=x"',
    ),
    "vectorcare_token_url: is not a plain https URL; write it as": (
        '"https://auth.example.com/token?grant=x"',
        '"https://\u212a.example.com"',  # a letter that becomes a k in lower case
    ),
    "alarm_emails[0]: is not an e-mail address; write": (
        *('["oncall"]', '["On call <oncall@example.com>"]', '["a..b@example.com"]', '["a/b@example.com"]'),
        *(f'["{"a" * 65}@example.com"]', '["m\u00fcller@example.com"]'),
    ),
    "alarm_emails[1]: repeats [0]; remove": ('["a@b.de", "a@b.de"]',),
    "state_retention_days: is not a whole number in range; choose one from 30 to 36500": (
        *('"90"', "true", "90.5", "29"),
    ),
    "journal_retention_days: 60 days are fewer than the 90 of state_retention_days; raise": ("60",),
    "max_concurrency: is not a whole number in range; choose one from 2 to 1000": ("1", "1001"),
    "domain_name: is not a domain name; write": ('"https://a.de"', '"203.0.113.7"'),
    "certificate_arn: is not an ACM certificate; copy": ('"arn:aws:iam::123456789012:server-certificate/x"',),
    "account: is not a text; put it between quotes": ("123456789012",),
    "account: is not an AWS account; write": ('"1234-5678-9012"', '"12345678901"'),
    "region: is not an AWS region; write": ('"virginia"', '"us-east-1a"', '"US-EAST-1"'),
    "profile: is not the name of an AWS profile; write": ('"[acme]"', '""', '"acme "'),
    "twin: is not a table; write": ('"us-west-2"',),
    "twin.region: is not an AWS region; write": ('"west"',),
    "twin.commands: is not one of its values; choose primary or twin": ('"both"',),
    "twin.reconcile: is not a time from 15 minutes to 1 day; write": (
        *('"hourly"', '"0 hours"', '"5 minutes"', '"2 days"', '"every 1 hour"'),
    ),
    "alarms: is not a table; write": ("3",),
    "alarms.freshness_seconds: is not a whole number in": ('"300"',),
    "alarms.answer_milliseconds: is not a whole number in range; choose one from 500 to 9000": ("10000",),
    "alarms.publishing_seconds: is not a whole number in range; choose one from 60 to 64800": ("86400",),
    "alarms.command_seconds: is not a whole number in range; choose one from 60 to 1800": ("3600",),
    "alarms.failed_commands_percent: is not a whole number in range; choose one from 1 to 100": ("101",),
    "alarms.busy_hours: is not a span of hours; write it": ('"nine to five"', '"09:00-24:00"'),
    "alarms.busy_hours: ends before it starts; name": ('"22:00-06:00"',),
    "alarms.busy_days[0]: is not one of its values; choose MON": ('["Monday"]',),
    "alarms.busy_days[1]: repeats [0]; remove": ('["MON", "MON"]',),
    "alarms.busy_days: is empty; list": ("[]",),
    "alarms.time_zone: is not a time zone; write": (
        # Some are files in folders of time zones.
        *('"America/Springfield"', '""', '"localtime"', '"posix/America/New_York"', '"../etc/passwd"', '"Factory"'),
        '"america/new_york"',
    ),
    "alarms.silence_minutes: is not less than the 480 minutes of busy_hours; lower": ("480",),
}


def file_with(error: str, value: str) -> str:
    """Write a file with a wrong value for the key that its error names."""
    *table, key = error.split(":", maxsplit=1)[0].split("[", maxsplit=1)[0].split(".")
    before = {
        "alarms": ALARMS,
        "twin": WITH_TWIN.removesuffix('region = "us-west-2"\n') if key == "region" else WITH_TWIN,
    }
    return f"{before[table[0]] if table else VALID}{key} = {value}\n"


WRONG = list(DOCUMENTS.items())
WRONG += [(error, file_with(error, value)) for error, values in VALUES.items() for value in values]


def write(folder: Path, text: str, *, name: str = "acme") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def load(folder: Path) -> Organization:
    (organization,) = load_organizations(folder)
    return organization


def refusal(folder: Path, only: str | None = None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_organizations(folder, only=only)
    return str(refused.value)


@pytest.mark.parametrize(("expected", "text"), WRONG)
def test_a_mistake_is_a_line_with_file_key_and_fix_that_repeats_no_long_value(
    tmp_path: Path, expected: str, text: str
) -> None:
    # Given
    path = write(tmp_path, text)
    # When
    line = refusal(tmp_path)
    # Then
    assert line.startswith((f"{path}: ", f"{path}:{line.split(':')[1]}: "))
    assert expected in line
    assert ";" in line
    assert "\n" not in line
    pasted = [word for word in text.replace("'''", "\n").split() if len(word) > 40 and "=" not in word]
    assert not [word for word in pasted if word in line]


@pytest.mark.parametrize("name", ["1acme", "acme corp", "acme_corp", "-acme", "ácme", "a" * 56])
def test_a_name_that_cannot_be_a_stacks_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, VALID, name=name)
    assert refusal(tmp_path).startswith(f"{path}: its name cannot be a stack's; rename it")


def test_names_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    write(tmp_path, VALID, name="Acme")
    write(tmp_path, VALID, name="acme")
    assert refusal(tmp_path) == f"{tmp_path}/acme.toml: differs from Acme.toml only in case; rename one of them"


def test_two_files_with_one_customer_id_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("acme", "other", "third"):
        write(tmp_path, VALID + 'customer_id = "one"\n' * (name != "third"), name=name)
    assert len(load_organizations(tmp_path)) == 3
    (warning,) = caplog.messages
    assert warning.startswith("WARNING: acme.toml and other.toml have one customer_id. ")


def test_a_copy_of_the_sample_needs_a_key_of_its_own(tmp_path: Path) -> None:
    sample = (Path(__file__).parents[2] / "organizations/example.toml").read_text()
    path = write(tmp_path, sample)
    assert refusal(tmp_path).startswith(f"{path}:10: public_keys[0]: is the sample's key, which nobody signs with; ")
    path.rename(tmp_path / "example.toml")
    assert load(tmp_path).is_sample
    write(tmp_path, VALID, name="example")
    assert not load(tmp_path).is_sample


def test_a_folder_that_holds_nothing_to_load_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").startswith(f"{tmp_path}/nowhere: is not a folder; create it")
    (tmp_path / ".acme.toml").write_text("an editor's own file")
    assert refusal(tmp_path).startswith(f"{tmp_path}: contains no organization file; add")
    write(tmp_path, VALID)
    assert refusal(tmp_path, only="amce").endswith("contains no amce.toml; choose one of: acme")


@pytest.mark.parametrize(
    ("encoding", "name", "place"),
    [
        ("utf-16", "Muller", ""),
        ("utf-16-le", "Muller", ""),
        ("utf-32-be", "Muller", ""),
        ("latin-1", "M\u00fcller", ":2"),
    ],
)
def test_a_file_in_another_encoding_is_named(tmp_path: Path, encoding: str, name: str, place: str) -> None:
    (tmp_path / "acme.toml").write_text(f"# first\n# of {name}\n" + VALID, encoding=encoding)
    assert refusal(tmp_path) == f"{tmp_path}/acme.toml{place}: is not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize("line_break", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_from_any_editor_is_read(tmp_path: Path, encoding: str, line_break: str) -> None:
    (tmp_path / "acme.toml").write_bytes(
        (PRODUCTION + 'customer_id = "W6m-x.Zk3_q-9Jt2Rb7u"\n').replace("\n", line_break).encode(encoding)
    )
    assert load(tmp_path).environment == "production"


def test_all_mistakes_of_all_files_are_named_in_one_run(tmp_path: Path) -> None:
    # Given
    acme = write(
        tmp_path,
        VALID
        + 'environment = "prod"\nalarm_emails = ["a", "b@example.com",\n # and\n "c"]\nzzz = 1\n'
        + "state_retention_days = 90\njournal_retention_days = 60\n"
        + '[alarms]\ntime_zone = "Mars"\nbusy_days = ["MON", "DAY"]\nbusy_hours = "09:00-10:00"\n',
    )
    other = write(tmp_path, PRODUCTION, name="other")
    # When
    lines = refusal(tmp_path).splitlines()
    # Then
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{acme}:11", "environment"],
        [f"{acme}:12", "alarm_emails[0]"],
        [f"{acme}:14", "alarm_emails[2]"],
        [f"{acme}:15", "zzz"],
        [f"{acme}:17", "journal_retention_days"],
        [f"{acme}:18", "alarms.silence_minutes"],
        [f"{acme}:19", "alarms.time_zone"],
        [f"{acme}:20", "alarms.busy_days[1]"],
        [str(other), "customer_id"],
    ]


def test_an_invalid_key_is_not_compared_with_others_too(tmp_path: Path) -> None:
    write(tmp_path, PRODUCTION + 'customer_id = "a b"\nstate_retention_days = "90"\njournal_retention_days = 60\n')
    assert [line.split(": ")[1] for line in refusal(tmp_path).splitlines()] == ["customer_id", "state_retention_days"]


def test_a_time_zone_is_one_of_the_pinned_release_whatever_this_machine_has(tmp_path: Path) -> None:
    for name in ("America/Chicago", "UTC", "US/Pacific"):
        write(tmp_path, ALARMS + f'time_zone = "{name}"\n')
        assert load(tmp_path).alarms.time_zone == name


def test_production_may_say_that_its_alarms_go_elsewhere_than_to_email(tmp_path: Path) -> None:
    text = 'environment = "production"\ncustomer_id = "W6m-x.Zk3_q-9Jt2Rb7u"\nalarms_without_email = true\n'
    write(tmp_path, VALID + text)
    assert load(tmp_path).alarm_emails == ()


def test_a_file_whose_name_a_deployment_would_not_find_is_refused(tmp_path: Path) -> None:
    for name in ("acme.TOML", "acme.txt", "acme"):
        (tmp_path / name).write_text(VALID)
        with pytest.raises(ConfigurationError, match="its name cannot be a stack's; rename it"):
            load_organization(tmp_path / name)


def test_one_organization_loads_beside_another_file_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, VALID)
    (tmp_path / "other.toml").mkdir()
    assert [organization.name for organization in load_organizations(tmp_path, only="acme")] == ["acme"]
    assert refusal(tmp_path).startswith(f"{tmp_path}/other.toml: cannot be read (Is a directory); ")


def test_the_environment_decides_where_commands_go_unless_the_file_does(tmp_path: Path) -> None:
    # Given
    write(tmp_path, VALID, name="uat")
    write(tmp_path, PRODUCTION + 'customer_id = "W6m-x.Zk3_q-9Jt2Rb7u"\n', name="production")
    write(tmp_path, VALID + 'vectorcare_token_url = "https://auth-uat.example.com/token"\n', name="explicit")
    # When
    explicit, production, uat = load_organizations(tmp_path)
    # Then VectorCare does not document UAT's token endpoint
    assert (production.api_url, production.token_url) == (
        "https://hub.vectorcare.com/openapi/v2.0",
        "https://auth.vectorcare.com/v2.0/oauth2/token",
    )
    assert (uat.api_url, uat.token_url) == ("https://hub-uat.vectorcare.com/openapi/v2.0", "")
    assert (explicit.api_url, explicit.token_url) == (uat.api_url, "https://auth-uat.example.com/token")


def test_the_sample_shows_the_defaults(tmp_path: Path) -> None:
    # Given
    sample = load_organizations(Path(__file__).parents[2] / "organizations", only="example")[0]
    write(tmp_path, VALID, name="example")
    # When
    default = load(tmp_path)
    # Then
    differing = {name for name in vars(default) if getattr(default, name) != getattr(sample, name)}
    assert differing == {"public_keys"}
    assert default.customer_id == default.name


def test_a_key_is_the_same_in_each_form_of_pem(tmp_path: Path) -> None:
    # Given
    public = PRIVATE.public_key()
    spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    forms = {
        "pkcs1": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(),
        "spaced": f"\n  {spki}\n\n",
        "windows": spki.replace("\n", "\r\n"),
    }
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for name, pem in forms.items():
        (tmp_path / f"{name}.toml").write_bytes(with_keys(pem).encode())
    # When
    loaded = load_organizations(tmp_path)
    # Then
    assert {organization.public_keys for organization in loaded} == {(der,)}


def test_a_single_address_is_a_network_and_the_silence_alarm_can_be_switched_off(tmp_path: Path) -> None:
    write(
        tmp_path,
        VALID
        + 'allowed_source_ips = ["203.0.113.7", "2001:DB8::1"]\n'
        + '[alarms]\nsilence_minutes = 0\nbusy_hours = "09:00-09:01"\n',
    )
    assert load(tmp_path).allowed_source_ips == ("203.0.113.7/32", "2001:db8::1/128")
    assert load(tmp_path).alarms.silence_minutes == 0


def test_a_second_stack_has_the_first_ones_name_and_the_values_of_its_region(tmp_path: Path) -> None:
    # Given
    write(
        tmp_path,
        WITH_DOMAIN
        + 'region = "us-east-1"\n'
        + TWIN
        + f'domain_name = "two.example.com"\ncertificate_arn = "{CERTIFICATE_ARN.replace("us-east-1", "us-west-2")}"\n'
        + 'commands = "twin"\nreconcile = "2 hours"\n',
    )
    # When
    first, second = load(tmp_path).stacks
    # Then
    assert (first.stack_name, first.stack_id) == ("VectorCareBridge-acme", "VectorCareBridge-acme")
    assert (second.stack_name, second.stack_id) == ("VectorCareBridge-acme", "VectorCareBridge-acme-us-west-2")
    assert (first.region, first.domain_name, first.sends_commands) == ("us-east-1", "webhooks.example.com", False)
    assert (second.region, second.domain_name, second.sends_commands) == ("us-west-2", "two.example.com", True)
    assert first.twin is not None
    assert second.twin is not None
    assert (first.twin.region, second.twin.region) == ("us-west-2", "us-east-1")
    assert first.twin.reconcile == timedelta(hours=2)
    assert second.second is None


def test_a_second_stack_that_the_command_line_would_take_for_another_organizations_is_refused(tmp_path: Path) -> None:
    write(tmp_path, WITH_TWIN)
    write(tmp_path, VALID, name="acme-us-west-2")
    for only in (None, "acme"):
        assert refusal(tmp_path, only=only) == (
            f"{tmp_path}/acme.toml: twin.region: makes a stack VectorCareBridge-acme-us-west-2, which is "
            "acme-us-west-2.toml's; rename that file, or choose another region"
        )
