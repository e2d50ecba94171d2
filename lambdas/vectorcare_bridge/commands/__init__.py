"""Commands to VectorCare, as the sender, the redrive and the tools read them."""
