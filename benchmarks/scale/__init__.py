"""What more machines would carry: measured where one machine can show it, foretold from measured costs where it cannot."""
