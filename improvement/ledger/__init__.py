"""The audit log: plain Python, and nothing is imported here so that the verifier stands alone."""
