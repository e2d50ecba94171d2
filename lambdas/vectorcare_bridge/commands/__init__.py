"""What a command to VectorCare may say, for the sender and for the tools that put one on the queue."""
