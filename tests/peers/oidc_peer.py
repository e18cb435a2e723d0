"""An independent OpenID provider (oidc-provider, certified), and people who sign in."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jwt
import pytest
import requests
from cryptography import x509

HERE = Path(__file__).parent / "oidc"
REDIRECT_PATH = "/admin/platform/msexchangeconnector/oauth_redirect/"
TIMEOUT = 10


def lacking() -> str:
    """What has to be installed for the provider to run."""
    if shutil.which("node") is None:
        return "node is missing"
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        return f"run: npm ci --prefix {HERE.relative_to(HERE.parents[2])}"
    return ""


def public_client(name: str) -> dict[str, Any]:
    """A native application. Any port of this machine is good for coming back to
    (RFC 8252, section 7.3)."""
    return {
        "client_id": name,
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "redirect_uris": [f"http://127.0.0.1{REDIRECT_PATH}"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }


def secret_client(name: str, secret: str) -> dict[str, Any]:
    return _application(name, "client_secret_post", client_secret=secret)


def web_client(name: str, redirect_uri: str, secret: str = "") -> dict[str, Any]:
    """An application in which users sign in: with a secret, or public."""
    method = {"token_endpoint_auth_method": "none"}
    if secret:
        method = {
            "token_endpoint_auth_method": "client_secret_post",
            "client_secret": secret,
        }
    return {
        "client_id": name,
        "application_type": "web",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        **method,
    }


def certificate_client(name: str, certificate: str) -> dict[str, Any]:
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))  # type: ignore[arg-type]  # it is RSA's
    jwk = {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"]}
    return _application(name, "private_key_jwt", jwks={"keys": [jwk]})


def _application(name: str, method: str, **more: Any) -> dict[str, Any]:
    return {
        "client_id": name,
        "token_endpoint_auth_method": method,
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        **more,
    }


class Provider:
    """A node process; skips where that cannot be."""

    def __init__(
        self,
        clients: list[dict[str, Any]],
        routes: dict[str, str] | None = None,
        plays: dict[str, Any] | None = None,
    ) -> None:
        problem = lacking()
        if problem:
            pytest.skip(f"no OpenID provider: {problem}")
        config = json.dumps(
            {"clients": clients, "routes": routes or {}, "plays": plays or {}}
        )
        self._keys_path = (routes or {}).get("jwks", "/jwks")
        self._process = subprocess.Popen(
            ["node", str(HERE / "provider.js"), config],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._look_around()
        except BaseException:
            self.stop()
            raise

    def _look_around(self) -> None:
        """Waits for the port, and reads what the provider publishes."""
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            if line.strip().isdecimal():
                break
            said.append(line)
        else:
            raise AssertionError("".join(said))
        self.url = f"http://127.0.0.1:{int(line)}"
        found = self._get("/.well-known/openid-configuration")
        self.auth_endpoint = found["authorization_endpoint"]
        self.token_endpoint = found["token_endpoint"]
        self._revocation = found["revocation_endpoint"]
        self._keys = jwt.PyJWKSet.from_dict(self._get(self._keys_path))

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    def claims(self, access_token: str, audience: str) -> dict[str, Any]:
        """Of a token that this provider has signed; raises `jwt.InvalidTokenError`."""
        return jwt.decode(
            access_token,
            self._keys.keys[0],
            algorithms=["RS256"],
            audience=audience,
            issuer=self.url,
        )

    def revoke(self, client: str, refresh_token: str) -> None:
        requests.post(
            self._revocation,
            data={"client_id": client, "token": refresh_token},
            timeout=TIMEOUT,
        ).raise_for_status()

    def refresh(self, client: str, refresh_token: str) -> requests.Response:
        """What somebody does who has got hold of a refresh token."""
        return requests.post(
            self.token_endpoint,
            data={
                "grant_type": "refresh_token",
                "client_id": client,
                "refresh_token": refresh_token,
            },
            timeout=TIMEOUT,
        )

    def _get(self, path: str) -> dict[str, Any]:
        return dict(requests.get(self.url + path, timeout=TIMEOUT).json())


class Person:
    """A browser without a screen: follows redirects and fills in forms, up to the
    address to come back to."""

    def __init__(self, comes_back_to: str = REDIRECT_PATH) -> None:
        self._session = requests.Session()
        self._comes_back_to = comes_back_to

    def sign_in(self, link: str, name: str, *, consent: bool = True) -> str:
        """Opens a sign-in link, signs in and decides; returns where it all ends: the
        URL to come back to."""
        page = self._open(link)
        page = self._submit(page, login=name, password="any")
        if page.is_redirect:  # there is nothing to consent to
            return self._ends(page)
        if consent:
            return self._ends(self._submit(page))
        cancel = re.search(r'href="([^"]*/abort)"', page.text)
        assert cancel is not None, page.text
        return self._ends(self._open(urljoin(page.url, unescape(cancel[1]))))

    def sent_back(self, link: str) -> str:
        """Opens a link that the provider does not even show a page for."""
        return self._ends(self._open(link))

    def _open(self, url: str) -> requests.Response:
        """Goes on until there is a page, or the way leads back to us."""
        answer = self._session.get(url, allow_redirects=False, timeout=TIMEOUT)
        return self._follow(answer)

    def _submit(self, page: requests.Response, **fields: str) -> requests.Response:
        form = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        assert form is not None, page.text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        answer = self._session.post(
            urljoin(page.url, unescape(form[1])),
            data=dict(hidden) | fields,
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        return self._follow(answer)

    def _follow(self, answer: requests.Response) -> requests.Response:
        while answer.is_redirect:
            target = urljoin(answer.url, answer.headers["Location"])
            if self._comes_back_to in target:
                break
            answer = self._session.get(target, allow_redirects=False, timeout=TIMEOUT)
        return answer

    def _ends(self, answer: requests.Response) -> str:
        assert answer.is_redirect, answer.text
        return urljoin(answer.url, answer.headers["Location"])
