"""The console's function: one page, files that may be kept for ever, how people sign in, and nothing of the disk."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.http.sign_in import Discovery
from offer_ranking.http.static_site import StaticSite
from tests.support.aws import ENVIRONMENT
from tests.support.system import Reply

ISSUER = ENVIRONMENT["OIDC_ISSUER"]
PUBLISHED = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://people.test/oauth2/authorize",
    "token_endpoint": "https://people.test/oauth2/token",
    "end_session_endpoint": "https://people.test/logout",
}
PAGE = '<!doctype html><link href="./a.css"><script type="module" src="./main.js"></script><a href="#/models">AI</a>'

Get = Callable[..., Reply]


class Issuer:
    """What the issuer publishes; None while it is away."""

    def __init__(self) -> None:
        self.said: dict[str, Any] | None = dict(PUBLISHED)

    def fetch(self, _: str) -> dict[str, Any]:
        if self.said is None:
            raise OSError("away")
        return self.said


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def get(issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Get:
    """Calls the function, as it serves a small folder beside a secret file."""
    web = tmp_path / "web"
    (web / "views").mkdir(parents=True)
    (tmp_path / "handler.py").write_text("a secret")
    for name, text in {"index.html": PAGE, "main.js": "import './views/a.js'", "a.css": "b{}"}.items():
        (web / name).write_text(text)
    (web / "views/a.js").write_text("export const name = 'שם 🎈'", encoding="utf-8")
    console = importlib.import_module("functions.serve_console.handler")
    monkeypatch.setattr(console, "site", StaticSite.read(web))
    discovery = Discovery(ISSUER, "unused", lambda: "a-client", fetch=issuer.fetch)
    monkeypatch.setattr(console, "discovery", discovery)

    def call(path: str = "/console/", *, method: str = "GET", base: str = "/v1", **headers: str) -> Reply:
        answer = console.lambda_handler(event(path, method, base, headers), None)
        assert answer["isBase64Encoded"] is False
        return Reply(answer["statusCode"], answer["headers"], answer["body"])

    return call


def event(path: str, method: str, base: str, headers: dict[str, str]) -> dict[str, Any]:
    """As API Gateway says it: the resource has no slash at its end, the path has what was asked."""
    _, _, file = path.partition("/console/")
    resource = "/console/{file+}" if file else path.rstrip("/") or "/"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "pathParameters": {"file": file} if file else None,
        "requestContext": {"path": base + path},
    }


def address(get: Get, name: str) -> str:
    """Where the page loads a file from."""
    digest = get().text.partition('href="')[2].partition("/")[0]
    return f"/console/{digest}/{name}"


@pytest.mark.parametrize(
    ("base", "asked", "led"),
    [
        ("/v1", "/", "/v1/console/"),
        ("/v1", "", "/v1/console/"),
        ("", "/", "/console/"),
        ("/v1", "/console", "/v1/console/"),
        ("", "/console", "/console/"),
        ("/base/path", "/console", "/base/path/console/"),
        ("/", "//", "/console/"),
    ],
)
def test_who_comes_in_anywhere_is_led_to_the_page_below_the_address_that_was_asked_for(
    get: Get, base: str, asked: str, led: str
) -> None:
    reply = get(asked, base=base)
    assert (reply.status, reply.headers["Location"]) == (302, led)


def test_the_page_is_asked_for_anew_each_time_and_loads_what_may_be_kept_for_ever(get: Get) -> None:
    page = get()
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Cache-Control"] == "no-cache"
    for name, media_type in (("main.js", "text/javascript"), ("a.css", "text/css"), ("views/a.js", "text/javascript")):
        file = get(address(get, name))
        assert (file.status, file.headers["Content-Type"]) == (200, f"{media_type}; charset=utf-8")
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert get(address(get, "views/a.js")).text == "export const name = 'שם 🎈'"
    assert '<a href="#/models">' in page.text, "only what is loaded lies below the digest"


def test_another_file_another_address(get: Get, tmp_path: Path) -> None:
    before = StaticSite.read(tmp_path / "web")
    (tmp_path / "web/views/a.js").write_text("changed")
    after = StaticSite.read(tmp_path / "web")
    assert before.digest != after.digest
    assert StaticSite.read(tmp_path / "web").digest == after.digest
    assert get(f"/console/{after.digest}/main.js").status == 404, "the function has the files of before"


@pytest.mark.parametrize("header", ["{}", '"other", {}', '  {}  , W/"x"', "strong"])
def test_who_has_the_page_is_not_sent_it_again(get: Get, header: str) -> None:
    tag = get().headers["ETag"]
    known = tag.removeprefix("W/") if header == "strong" else header.format(tag)
    reply = get(if_none_match=known)
    assert (reply.status, reply.text, reply.headers["ETag"]) == (304, "", tag)
    assert reply.headers["Content-Security-Policy"] == get().headers["Content-Security-Policy"]
    assert get(If_None_Match='"something else"').status == 200


def test_a_page_with_another_policy_is_another_page(get: Get, issuer: Issuer) -> None:
    issuer.said = None
    before = get().headers["ETag"]
    issuer.said = dict(PUBLISHED)
    console = importlib.import_module("functions.serve_console.handler")
    console.discovery._until = 0
    assert get(if_none_match=before).status == 200


def test_head_says_what_get_says(get: Get) -> None:
    for path in ("/", "/console", "/console/", address(get, "main.js"), "/console/nothing"):
        assert get(path, method="HEAD") == get(path)


@pytest.mark.parametrize("path", ["/", "/console/", "/console/configuration.json", "/console/nothing"])
def test_every_answer_forbids_what_the_console_does_not_need(get: Get, path: str) -> None:
    headers = get(path).headers
    policy = dict(one.strip().partition(" ")[::2] for one in headers["Content-Security-Policy"].split(";"))
    others = " https://edge.test https://people.test" if path == "/console/" else ""
    assert policy.pop("connect-src") == "'self'" + others
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_the_page_is_told_how_people_sign_in(get: Get) -> None:
    reply = get("/console/configuration.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.json == {
        "issuer": ISSUER,
        "authorizationEndpoint": PUBLISHED["authorization_endpoint"],
        "tokenEndpoint": PUBLISHED["token_endpoint"],
        "endSessionEndpoint": PUBLISHED["end_session_endpoint"],
        "clientId": "a-client",
        "scopes": ["openid"],
        "groupsClaim": "cognito:groups",
        "edgeUrl": "https://edge.test/ee",
    }


def test_without_an_issuer_there_is_a_page_that_can_tell_so(get: Get, issuer: Issuer) -> None:
    issuer.said = None
    page, configuration = get(), get("/console/configuration.json")
    assert page.status == 200
    assert "connect-src 'self' https://edge.test;" in page.headers["Content-Security-Policy"]
    assert (configuration.status, configuration.headers["Retry-After"]) == (503, "1")
    assert configuration.headers["Content-Type"] == "application/problem+json"
    assert configuration.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "file",
    [
        "..", "../handler.py", "../../handler.py", "%2e%2e/handler.py", "..%2fhandler.py", "%252e%252e%252f",
        "/etc/passwd", "//main.js", "main.js", "index.html", "\0", "main.js\0", "a" * 1_000_000, "\ud800", "שם",
        "{digest}", "{digest}/", "{digest}/..", "{digest}/../handler.py", "{digest}/views/../main.js",
        "{digest}/views/%2e%2e/main.js", "{digest}//main.js", "{digest}/./main.js", "{digest}/views", "{digest}/views/",
        "{digest}/index.html", "{digest}/main.js/", "{digest}/main.js\0", "{digest}/MAIN.JS", "{digest}\\main.js",
        "0123456789abcdef/main.js",
    ],
)  # fmt: skip
def test_what_is_no_file_of_the_folder_is_not_found(get: Get, file: str) -> None:
    digest = address(get, "").split("/")[2]
    reply = get("/console/" + file.replace("{digest}", digest))
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["type"] == "urn:offer-ranking:problem:not-found"
    assert len(reply.text) < 300, "nothing of the request comes back"


@pytest.mark.parametrize("lacking", ["pathParameters", "headers"])
def test_an_event_may_lack_what_no_request_had(get: Get, lacking: str) -> None:
    console = importlib.import_module("functions.serve_console.handler")
    asked = event("/console/x", "GET", "", {}) | {lacking: None}
    assert console.lambda_handler(asked, None)["statusCode"] == 404
    assert get().status == 200


@pytest.mark.parametrize("what", ["a picture", "a link out of the folder"])
def test_a_folder_with_what_is_no_text_of_its_own_is_refused(get: Get, tmp_path: Path, what: str) -> None:
    assert get().status == 200
    if what == "a picture":
        (tmp_path / "web/logo.png").write_bytes(b"\x89PNG")
    else:
        (tmp_path / "web/more.js").symlink_to(tmp_path / "handler.py")
    with pytest.raises(ValueError, match="no text"):
        StaticSite.read(tmp_path / "web")


def test_what_is_shipped_is_text_without_anything_inline() -> None:
    console = importlib.import_module("functions.serve_console.handler")
    shipped = StaticSite.read(Path(console.__file__).with_name("web"))
    page = shipped.page.text.lower()
    assert "<style" not in page
    assert not [tag for tag in page.split("<script")[1:] if "src=" not in tag.partition(">")[0]]
    assert " style=" not in page
