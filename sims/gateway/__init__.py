"""A customer's gateway: binds to an SMPP server, submits at a given rate, takes receipts and messages from handsets."""
