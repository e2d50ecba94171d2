"""What this region has missed and the other one has, fetched onto this region's queue."""
