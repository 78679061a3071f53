"""Where customers' gateways bind: SMPP from the SMSC's side."""
