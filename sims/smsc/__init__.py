"""An SMSC with a temperament: a real SMPP 3.4 server to point any client at."""
