"""Ways for clients to sign in, and the settings that choose among them."""
