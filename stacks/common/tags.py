"""The tags by which what a stack has left behind is found again; `bridge leftovers` reads them."""

PRODUCT_TAG = "Product"
PRODUCT = "VectorCareBridge"
ORGANIZATION_TAG = "Organization"
"""Its value is the organization's name, which is that of its file."""
