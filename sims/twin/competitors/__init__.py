"""What the brain is measured against, one idea a file: published policies, and the oracle."""
