"""What the functions share: pure rules, and one thin module for each AWS service that they call."""
