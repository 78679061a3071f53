"""What single stages cost."""
