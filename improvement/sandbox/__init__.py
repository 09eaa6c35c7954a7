"""Where candidate code runs: a bubblewrap sandbox with nothing of the host in it but a read-only runtime."""
