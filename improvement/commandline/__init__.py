"""What the commands share: who acts, what is printed, whether a server runs, and how a person gives a password."""
