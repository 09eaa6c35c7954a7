"""What programs may ask of the server: JSON in, JSON out, problems by their stable codes (RFC 9457)."""
