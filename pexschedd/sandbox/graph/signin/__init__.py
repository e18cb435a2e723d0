"""Applications, their grants, and the token endpoint."""
