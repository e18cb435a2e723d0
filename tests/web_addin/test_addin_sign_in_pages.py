"""Pages of the sign-in window: what they say, in whose words, and in which language."""

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from tests.identity.personal.provider_support import GETTING, SIGNING_IN
from tests.web_addin.sign_in_support import SignInServer


@pytest_twisted.ensureDeferred
async def test_the_closing_page(signing: SignInServer) -> None:
    """The page that ends a sign-in may be held by no frame, keeps its opener, runs only
    our script and Office.js, and helps who was signed in as another person."""
    signing.bench.idp.changes = {"name": "<script>alert(1)</script>"}
    state = await signing.open_window(await signing.begin())
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    text = page.body.decode()
    assert "<script>alert" not in text
    assert "Not you?" in text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' https://appsforoffice.microsoft.com" in policy
    assert "unsafe" not in policy
    assert "cross-origin-opener-policy" not in page.headers
    assert "set-cookie" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    assert "signed-in.js" in text


@pytest_twisted.ensureDeferred
async def test_a_failed_sign_in(signing: SignInServer) -> None:
    """Window and pane show the administrator's text, the reason and one reference; the
    page does not close itself, and shows nothing of its address."""
    begun = await signing.begin()
    state = await signing.open_window(begun)
    page = await signing.ask(
        "GET",
        f"oauth_redirect?error=access_denied&error_description=%3Cb%3Eevil&state={state}",
    )
    assert page.status == 400
    text = page.body.decode()
    assert SIGNING_IN in text
    assert "evil" not in text
    assert "<script" not in text
    failed = await signing.progress(begun["attempt"])
    assert failed["state"] == "failed"
    assert (failed["code"], failed["text"]) == ("sign_in_declined", SIGNING_IN)
    assert failed["correlation_id"] == page.headers["x-request-id"]
    assert failed["correlation_id"] in text
    assert "session" not in failed
    assert signing.counted == [("Head office", "sign_in_declined")]
    (heard,) = signing.heard
    assert (heard.outcome, heard.reason) == ("refused", "sign_in_declined")
    assert (heard.account, heard.object_name) == ("", "Head office")
    await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    assert len(signing.heard) == 1  # an answer to nothing that was begun is no sign-in


@pytest_twisted.ensureDeferred
async def test_an_unknown_user(signing: SignInServer) -> None:
    """A user who may not come in sees the text for rooms that could not be had."""
    signing.bench.records.allowed = False
    begun = await signing.begin()
    state = await signing.open_window(begun)
    page = await signing.ask("GET", f"oauth_redirect?code=c&state={state}")
    failed = await signing.progress(begun["attempt"])
    assert (failed["code"], failed["text"]) == ("unknown_user", GETTING)
    assert failed["text_field"] == "addin_pane_personal_vmr_error_getting_message"
    assert GETTING in page.body.decode()


SAID = {
    "de": ("Für Outlook anmelden?", "Nicht angemeldet", "noch einmal zu versuchen"),
    "fr": ("Se connecter pour Outlook", "Connexion échouée", "pour réessayer"),
    "es": ("¿Iniciar sesión para Outlook?", "No se ha iniciado sesión", "intentarlo"),
    "nl": ("Aanmelden voor Outlook?", "Niet aangemeld", "opnieuw te proberen"),
    "nb": ("Logge på for Outlook?", "Ikke pålogget", "for å prøve på nytt"),
    "ar": ("هل تريد تسجيل الدخول من أجل Outlook؟", "لم يتم", "للمحاولة مرة أخرى"),
    "en": ("Sign in for Outlook?", "Not signed in", "to try again"),
}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("xx, en;q=0.1, fr-CA;q=0.7", "fr"),
        ("es", "es"),
        ("nl-BE", "nl"),
        ("nn-NO", "nb"),
        ("ar-EG", "ar"),
        ("ja, zz;q=x, de;q=0, *", "en"),
        ("", "en"),
        ('"><script>' + "a-" * 400, "en"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_language_of_the_windows(
    signing: SignInServer, accepted: str, language: str
) -> None:
    """The question and a page of a sign-in that is not known are in the browser's
    language, and say which it is."""
    direction = "rtl" if language == "ar" else "ltr"
    question, heading, again = SAID[language]
    begun = await signing.begin()
    headers = {"accept_language": accepted}
    page = await signing.ask("GET", f"1/{begun['start']}", **headers)
    text = page.body.decode()
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert question in text
    page = await signing.ask("GET", "oauth_redirect?state=x", **headers)
    text = page.body.decode()
    assert f'<html lang="{language}" dir="{direction}">' in text
    assert heading in text
    assert text.count(again) == 1
    assert text.count("Outlook") == 1
    assert 'class="text"' not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("pane", "browser", "heading"),
    [
        ("de-DE", "fr", "Nicht angemeldet"),
        ("", "fr", "Connexion échouée"),
        ("<b>", "fr", "Connexion échouée"),
        ("ja-JP", "fr", "Connexion échouée"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_language_of_the_pane(
    signing: SignInServer, pane: str, browser: str, heading: str
) -> None:
    """The page at the end is in Outlook's language. The question, whose address may
    have been sent by somebody who has begun it, is in that of its reader."""
    headers = {"accept_language": browser}
    begun = await signing.begin(language=pane)
    page = await signing.ask("GET", f"1/{begun['start']}", **headers)
    assert "Se connecter pour Outlook" in page.body.decode()
    state = await signing.open_window(begun)
    back = f"oauth_redirect?error=access_denied&state={state}"
    text = (await signing.ask("GET", back, **headers)).body.decode()
    assert heading in text
    assert f'lang="">{SIGNING_IN}' in text
    field = "addin_pane_personal_vmr_error_signing_in_message"
    default = fields_of(Connector)[field].default
    signing.bench.connector = replace(signing.bench.known, **{field: default})
    state = await signing.open_window(await signing.begin(language=pane))
    page = await signing.ask("GET", f"oauth_redirect?error=access_denied&state={state}")
    assert f'lang="en">{default}' in page.body.decode()


@pytest_twisted.ensureDeferred
async def test_words_of_an_administrator(signing: SignInServer) -> None:
    """The words of the windows and the texts in them can be changed for each language;
    what is missing in a language of the administrator's own is in English, marked."""
    field = "addin_pane_personal_vmr_error_signing_in_message"
    signing.bench.connector = replace(
        signing.bench.known,
        addin_pane_translations="ja windowFailedHeading = 失敗 <1>\n"
        f"ja {field} = <u>だめ</u><script>x</script>\n"
        "en windowFailedAgain = Go back.",
    )
    begun = await signing.begin(language="ja-JP")
    state = await signing.open_window(begun)
    back = f"oauth_redirect?error=access_denied&state={state}"
    text = (await signing.ask("GET", back)).body.decode()
    assert '<html lang="ja" dir="ltr">' in text
    assert "失敗 &lt;1&gt;" in text
    assert 'lang="ja"><u>だめ</u>' in text
    assert "<script" not in text
    assert '<span lang="en" dir="ltr">Go back.</span>' in text
    assert '<span lang="en" dir="ltr">The sign-in was declined' in text
