"""What the claims about speed rest on: ratios within one run, since milliseconds differ from machine to machine."""
