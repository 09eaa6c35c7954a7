"""The small standard-library programs that run inside the sandbox; they import next to nothing, to start fast."""
