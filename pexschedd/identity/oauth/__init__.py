"""Signing the service account in to Exchange with OAuth 2.0.

`requests`, `answers`, `assertion` and `account` are pure: what is sent to an identity
provider and what its answers mean. `endpoint` sends, `sign_in` leads a person through
the authorization code flow (RFC 6749 with PKCE, RFC 7636), `keeper` has an access token
ready at any time.
"""
