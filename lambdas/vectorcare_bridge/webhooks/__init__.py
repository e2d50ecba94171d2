"""A webhook from its signed bytes to the journal and the state: rules, and the tables they decide over."""
