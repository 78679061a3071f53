"""Between SMPP customers and messages: what a submit_sm means, and what receipts and messages from handsets look like."""
