"""One-Touch Join in the management API: its resources, and what is checked of them."""
