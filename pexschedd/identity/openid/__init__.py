"""OpenID Connect: what identity providers publish, and the tokens that they sign."""
