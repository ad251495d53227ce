"""The pages for people: `/`, a console to try the API with, and `/docs`. They load nothing else."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

_FOLDER = Path(__file__).parent / "static"


def routes() -> APIRouter:
    """The pages' routes."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @router.get("/")
    async def console() -> str:
        return _page("console")

    @router.get("/docs")
    async def docs() -> str:
        return _page("docs")

    return router


def _page(name: str) -> str:
    return (_FOLDER / f"{name}.html").read_text(encoding="utf-8")
