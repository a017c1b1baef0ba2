"""The pages for people: `/` and `/docs`. They load nothing from anywhere else.

Their scripts and styles stand in the page; its Content-Security-Policy allows exactly these, by
hash, and requests to this server alone.
"""

import base64
import hashlib
import re
from functools import cached_property
from importlib.resources import files

from headwater.http.message import Request, Response, Route

HTML = b"text/html; charset=utf-8"

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class Docs:
    """Serves the pages; they are read when they are first asked for."""

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/", self.home, "home", None),
            Route("GET", "/docs", self.docs, "docs", None),
        )

    async def home(self, request: Request) -> Response:
        return self._home

    async def docs(self, request: Request) -> Response:
        return self._docs

    @cached_property
    def _home(self) -> Response:
        return page("home.html")

    @cached_property
    def _docs(self) -> Response:
        return page("docs.html")


def page(name: str) -> Response:
    """A static page with the headers that keep it closed."""
    text = (files("headwater.dialects.native") / "static" / name).read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_hashes(_SCRIPT, text)}; "
        f"style-src {_hashes(_STYLE, text)}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
    )
    return Response(200, text.encode(), HTML, headers)


def _hashes(pattern: re.Pattern[str], text: str) -> str:
    digests = (hashlib.sha256(part.encode()).digest() for part in pattern.findall(text))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
