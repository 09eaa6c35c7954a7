"""What each page shows, as plain frozen values: presenters turn what selectors return into these."""
