"""Who is calling: Exchange identity tokens, administrators."""
