"""The deployed sender calls the stand-in."""

import json

from local.deployment import Deployment
from local.emulator import Emulator
from simulator.fake_api import FakeApi
from simulator.rules import API_PATH, TOKEN_PATH

CLIENT_ID = "local-stand"
CLIENT_SECRET = "invented-opens-nothing-but-the-stand-in"  # noqa: S105 as it says


def connect(deployment: Deployment, emulator: Emulator, stand_in: FakeApi, *, url: str) -> None:
    """Lead the sender to a stand-in: by the organization's file it would call VectorCare itself, which no stand does.

    Parameters
    ----------
    deployment, emulator : Deployment, Emulator
        The stack, and where it runs.
    stand_in : StandIn
        Learns the credentials that the stack's secret is filled with.
    url : str
        Where it is served.
    """
    stand_in.rules.clients[CLIENT_ID] = CLIENT_SECRET
    secret = json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    emulator.aws.make("secretsmanager").put_secret_value(
        SecretId=deployment.outputs["CredentialsSecret"], SecretString=secret
    )
    functions, sender = emulator.aws.functions, deployment.outputs["SenderFunction"]
    variables = functions.get_function_configuration(FunctionName=sender)["Environment"]["Variables"]
    addresses = {"VECTORCARE_API_URL": f"{url}{API_PATH}", "VECTORCARE_TOKEN_URL": f"{url}{TOKEN_PATH}"}
    functions.update_function_configuration(FunctionName=sender, Environment={"Variables": variables | addresses})
