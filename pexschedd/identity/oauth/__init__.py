"""The service account's sign-in to Exchange with OAuth 2.0.

`token_requests`, `token_responses`, `assertion` and `account` are pure: the requests to
an identity provider and the meaning of its responses. `endpoint` sends requests,
`sign_in` guides a person through the authorization code flow (RFC 6749, with PKCE, RFC
7636), and `token_cache` provides a valid access token at any time.
"""
