"""One file for each command of `./bridge`."""
