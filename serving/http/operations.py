"""`/healthz`, `/readyz`, `/metrics`."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serving.http.schemas import ReadyAnswer


def routes(
    metrics_page: Callable[[], Awaitable[bytes]], readiness: Callable[[], Awaitable[ReadyAnswer]]
) -> APIRouter:
    """The operators' routes."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"model": ReadyAnswer}})
    async def readyz(response: Response) -> ReadyAnswer:
        """200 once the catalogue and the newest snapshot have been taken over."""
        answer = await readiness()
        response.status_code = 200 if answer.ready else 503
        return answer

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """In the Prometheus text format."""
        return Response(await metrics_page(), media_type=CONTENT_TYPE_LATEST)

    return router
