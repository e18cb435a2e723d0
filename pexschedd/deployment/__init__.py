"""Other deployments of the platform's management API, as their client."""
