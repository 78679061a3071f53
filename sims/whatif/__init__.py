"""What if: one's own records of messages under another policy or other prices."""
