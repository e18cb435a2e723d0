"""Addresses of Microsoft's cloud, and ids, as examples."""

TENANT = "7b1c9d1e-3c55-4d0e-9a57-2f1f6a1f9a10"
GUID = "0f5a37a5-55ad-4b63-a2f4-6a6ee2f3b6f2"
GLOBAL = "graph.microsoft.com"
LOGIN = "https://login.microsoftonline.com"
V2 = "oauth2/v2.0/token"
ENDPOINT = f"{LOGIN}/contoso.onmicrosoft.com/{V2}"
