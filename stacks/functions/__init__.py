"""The Lambda functions: their code as one artifact, their environment, role and log group."""
