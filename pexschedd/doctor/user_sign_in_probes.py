"""Probes of the identity provider at which users sign in for personal rooms."""

from urllib.parse import urlencode

import msgspec

from pexschedd.doctor import http_probes
from pexschedd.doctor.observations import HttpResult, ProviderPublished
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.identity.openid.documents import configuration_in
from pexschedd.identity.personal.provider_kinds import (
    REDIRECT_PATH,
    SettingsWrong,
    UserProvider,
    provider_of,
)
from pexschedd.identity.personal.requests import authorization_url, code_form

_NO_VERIFIER = "pexschedd-check-" + 43 * "0"
"""A verifier of the right shape for requests that are not meant to succeed."""


def _provider(context: ProbeContext) -> UserProvider:
    """The settings, which the check before this one has found usable."""
    return provider_of(context.case.connector)


async def settings(context: ProbeContext) -> str:
    """Return the problem of the settings; empty if they can be used."""
    try:
        _provider(context)
    except SettingsWrong as error:
        return error.message
    return ""


async def published(context: ProbeContext) -> ProviderPublished:
    """Fetch what the provider publishes: its configuration and keys, or else the
    federation metadata of an old AD FS."""
    provider = _provider(context)
    first = await _get(context, provider.metadata_url)
    if first.status in (404, 503) and provider.federation_url:
        other = await _get(context, provider.federation_url)
        return ProviderPublished(first, federation=other)
    try:
        keys_url = configuration_in(first.body, provider.metadata_url).keys_url
    except ValueError:
        return ProviderPublished(first)
    return ProviderPublished(first, keys=await _get(context, keys_url))


async def window(context: ProbeContext) -> HttpResult:
    """Open the address at which users sign in, without anybody at the keyboard."""
    provider = _provider(context)
    silent = msgspec.structs.replace(
        provider, kind=msgspec.structs.replace(provider.kind, prompt="none")
    )
    url = authorization_url(
        silent, state="pexschedd-check", nonce="pexschedd-check", verifier=_NO_VERIFIER
    )
    return await _get(context, url)


async def token(context: ProbeContext) -> HttpResult:
    """Ask the token endpoint with a code that does not exist, and without a secret."""
    provider = _provider(context)
    form = code_form(provider, code="pexschedd-check", verifier=_NO_VERIFIER)
    return await http_probes.request(
        context.exchange,
        context.now,
        provider.token_endpoint,
        method="POST",
        body=urlencode(form).encode("ascii"),
        content_type="application/x-www-form-urlencoded",
    )


async def redirect(context: ProbeContext) -> HttpResult:
    """Open the address to which browsers come back, as they do, without a sign-in."""
    pane = context.case.pane_url
    origin = pane[: pane.index("/", len("https://"))]
    return await http_probes.request(
        context.public, context.now, origin + REDIRECT_PATH
    )


async def _get(context: ProbeContext, url: str) -> HttpResult:
    return await http_probes.request(context.exchange, context.now, url)
