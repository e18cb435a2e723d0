"""The OpenAPI document of the management API, made from declared fields and routes."""
