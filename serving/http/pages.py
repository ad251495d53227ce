"""The pages for people: `/`, a console to try the API with, and `/docs`. They load nothing else."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

_FOLDER = Path(__file__).parent / "static"
_PAGES = {"/": "console", "/docs": "docs"}


def policies() -> dict[str, str]:
    """The content security policy of each page: its own script and style, and its own server."""
    return {path: _policy(_page(name)) for path, name in _PAGES.items()}


def routes() -> APIRouter:
    """The pages' routes."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @router.get("/")
    async def console() -> str:
        return _page(_PAGES["/"])

    @router.get("/docs")
    async def docs() -> str:
        return _page(_PAGES["/docs"])

    return router


def _page(name: str) -> str:
    return (_FOLDER / f"{name}.html").read_text(encoding="utf-8")


def _policy(page: str) -> str:
    kept = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    own = "; ".join(f"{tag}-src {_hashes(page, tag)}" for tag in ("script", "style"))
    return f"default-src 'none'; connect-src 'self'; {own}; {kept}"


def _hashes(page: str, tag: str) -> str:
    inline = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in inline)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
