"""Makes the deployed sender call the simulator instead of VectorCare."""

import json

from local.deployment import Deployment
from local.emulator import Emulator
from local.live_function import set_variables
from simulator.api_rules import API_PATH, TOKEN_PATH
from simulator.fake_api import FakeApi

CLIENT_ID = "local-environment"
CLIENT_SECRET = "invented-opens-nothing-but-the-simulator"  # noqa: S105 as it says


def connect(deployment: Deployment, emulator: Emulator, fake_api: FakeApi, *, url: str) -> None:
    """Make the sender call the simulator, which is served at `url`; the organization's file names VectorCare itself."""
    fake_api.rules.clients[CLIENT_ID] = CLIENT_SECRET
    secret = json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    emulator.aws.make("secretsmanager").put_secret_value(
        SecretId=deployment.outputs["CredentialsSecret"], SecretString=secret
    )
    addresses = {"VECTORCARE_API_URL": f"{url}{API_PATH}", "VECTORCARE_TOKEN_URL": f"{url}{TOKEN_PATH}"}
    set_variables(emulator.aws.functions, deployment.outputs["SenderFunction"], addresses)
