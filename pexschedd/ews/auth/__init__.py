"""How the daemon signs in to Exchange."""
