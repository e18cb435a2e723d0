"""How this machine reaches others: whom it believes, and which way it goes there."""
