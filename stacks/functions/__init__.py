"""The Lambda functions: their code as one artifact, their role and log group."""
