"""The commands of the web layer."""
