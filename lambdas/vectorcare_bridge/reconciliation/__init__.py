"""Two journals of one organization, one in each region: what one of them misses, and how it gets it."""
