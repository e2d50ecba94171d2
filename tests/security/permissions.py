"""What each function's role may do, action by action, and how we know that it is needed."""

# Without any one of these something fails in a local environment that enforces IAM:
# tests/end_to_end/test_least_privilege.py.
ENFORCED = {
    "ingest": frozenset({"sqs:SendMessage", "s3:PutObject"}),
    "processor": frozenset(
        {"dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "sqs:ChangeMessageVisibility"}
    ),
    "drain": frozenset({"s3:ListBucket", "s3:GetObject", "s3:DeleteObject", "sqs:SendMessage"}),
    "redrive": frozenset(
        {
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "events:PutEvents",
            "dynamodb:GetItem",
        }
    ),
    "publisher": frozenset({"events:PutEvents", "sqs:SendMessage"}),
    "sender": frozenset(
        {
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "secretsmanager:GetSecretValue",
            "events:PutEvents",
            "sqs:SendMessage",
            "sqs:ChangeMessageVisibility",
        }
    ),
    "reader": frozenset({"dynamodb:GetItem", "dynamodb:Query"}),
    "start_check": frozenset({"lambda:InvokeFunction"}),
}

# AWS requires these and the emulator does not: it encrypts nothing, writes functions' logs itself, keeps no traces.
_OWN_LOG = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})
_TRACES = frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"})
# SQS Developer Guide, "Key management": a producer needs both, a consumer the second.
_SEND_ENCRYPTED = frozenset({"kms:GenerateDataKey", "kms:Decrypt"})
_RECEIVE_ENCRYPTED = frozenset({"kms:Decrypt"})
# Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": Lambda polls with the
# function's role. The emulator polls without it.
_EVENT_SOURCE = frozenset({"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"})
# Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB": likewise for a stream.
_STREAM = frozenset(
    {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
)
# DynamoDB Developer Guide, "DynamoDB encryption at rest: usage notes".
_USE_TABLES = frozenset(
    {
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:DescribeKey",
    }
)
_ANY_FUNCTION = _OWN_LOG | _TRACES

# These are held by the template's tests alone: tests/stacks/test_permissions_template.py.
ASSERTED = {
    "ingest": _ANY_FUNCTION | _SEND_ENCRYPTED,
    "processor": _ANY_FUNCTION | _EVENT_SOURCE | _RECEIVE_ENCRYPTED | _USE_TABLES,
    "drain": _ANY_FUNCTION | _SEND_ENCRYPTED,
    "redrive": _ANY_FUNCTION | _SEND_ENCRYPTED | _USE_TABLES,
    "publisher": _ANY_FUNCTION | _STREAM | _USE_TABLES | _SEND_ENCRYPTED,
    "sender": _ANY_FUNCTION | _EVENT_SOURCE | _SEND_ENCRYPTED | _USE_TABLES,
    "reader": _ANY_FUNCTION | _USE_TABLES,
    "start_check": _ANY_FUNCTION,
    # It needs two regions: tests/end_to_end/test_scheduled_reconcile.py runs it with these.
    "reconcile": _ANY_FUNCTION
    | _SEND_ENCRYPTED
    | _USE_TABLES
    | {
        "cloudformation:DescribeStacks",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
    },
}
