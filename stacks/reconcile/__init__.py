"""The scheduled comparison with the other region."""
