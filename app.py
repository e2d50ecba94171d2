"""Synthesize one stack per customer organization: the entry that cdk.json names."""

from stacks.application import synthesize

if __name__ == "__main__":
    synthesize()
