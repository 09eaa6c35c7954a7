"""The web layer of Countersign, and the process supervisor that starts it."""
