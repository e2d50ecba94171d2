"""What the functions have in common: pure rules, and one thin module for each AWS service they speak to."""
