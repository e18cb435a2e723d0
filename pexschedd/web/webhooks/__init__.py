"""Routes that other services call when something has changed with them."""
