"""Users' sign-in for personal rooms, at the organization's AD FS or Entra ID.

`attempts` and `sessions` are what is remembered, in memory only; `provider_kinds`,
`requests`, `answers` and `user_token` are pure: the requests to an identity provider
and the meaning of what it sends. `token_client` asks it, and `sign_in` is the whole way
from the button to a session. What all providers have in common is in `openid`.
"""
