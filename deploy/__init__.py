"""What `make deploy` does around the CDK command line."""
