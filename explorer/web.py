"""The web process: pages and JSON out of the database. No key, no node, no way to write.

Each page is a view and a template; /api/v1 gives the same view as JSON. `at` in every answer says as of which block.
"""

import csv
import io
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer import shown
from explorer.metrics import metrics
from explorer.stream import Stream, feed
from explorer.views import court, money, neurons, overview, training, votes, windows
from explorer.views.acts import compose
from explorer.views.base import Look, NotThere
from explorer.views.why import why
from grail.errors import StorageError
from grail.storage.database import Database
from grail.storage.journal import json_value
from grail.telemetry.log import get_logger

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HERE = pathlib.Path(__file__).parent
LOCAL = ("127.0.0.1", "localhost", "testserver")
STALE_SECONDS = 120
LONGEST_FIELD = 8_000
"""Characters of what a form may send in one field."""
UNREADABLE = "the index cannot be read just now: try again"
Number = Annotated[int, Path(ge=0, lt=1 << 62)]
Before = Annotated[int | None, Query(ge=0, lt=1 << 62, description="the `next` of the page before")]
Account = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$")]
Digest = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$")]
Word = Annotated[str | None, Query(max_length=32, pattern="^[A-Za-z]*$")]
Motion = Annotated[str, Path(pattern="^[0-9]{1,78}$")]


@dataclass(frozen=True)
class Site:
    """What all pages share."""

    database: Database
    templates: Environment
    stream: Stream
    clock: Callable[[], float]

    def json(self, view: Callable[[Look], Any]) -> Response:
        """A view as JSON."""
        with self.database.reading() as connection:
            look = Look(connection)
            return JSONResponse({"at": self.at(look), **json_value(_found(view, look))})

    def page(self, template: str, request: Request, view: Callable[[Look], Any]) -> Response:
        """A view as a page; as CSV with ?csv=NAME of one of its lists."""
        with self.database.reading() as connection:
            look = Look(connection)
            found = _found(view, look)
            if listed := request.query_params.get("csv"):
                return _csv(found, listed)
            known = {"account": shown.Names(look), "at": self.at(look), "path": request.url.path, "look": look}
            made = self.templates.get_template(template).render({**found, **known, "found": found})
        return HTMLResponse(made)

    def at(self, look: Look) -> dict[str, Any]:
        """As of when this is: block, its time, what is final, how old the index is."""
        stands = look.standing
        age = max(0, int(self.clock()) - stands["at"])
        behind = max(0, stands["head"] - stands["block"])
        return {
            "block": stands["block"], "time": stands["block_time"], "final": stands["final"], "head": stands["head"],
            "age_seconds": age, "blocks_behind": behind, "stale": age > STALE_SECONDS or behind > 0,
            "chain_id": stands["chain_id"],
        }  # fmt: skip


class Guarded:
    """Strict headers on every answer, streams included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and add the headers where an answer begins."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def _found(view: Callable[[Look], Any], look: Look) -> Any:
    try:
        return view(look)
    except NotThere as error:
        raise HTTPException(404, str(error)) from error


def _csv(found: Any, name: str) -> Response:
    """One list of a view. Cells that a spreadsheet would run are quoted."""
    rows = found.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise HTTPException(404, f"no list {name[:40]!r} here")
    flat = [{key: value for key, value in row.items() if not isinstance(value, dict | list)} for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(flat[0]) if flat else ["empty"])
    writer.writeheader()
    for row in flat:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return PlainTextResponse(out.getvalue(), media_type="text/csv", headers=named)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def explorer_app(
    database: Database, hosts: tuple[str, ...] = LOCAL,
    clock: Callable[[], float] = time.time,
) -> FastAPI:  # fmt: skip
    """The application. `hosts`: names that it is asked by."""
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    templates.filters |= {
        "grail": shown.grail, "when": shown.when, "text": shown.text, "short": shown.short, "percent": shown.percent,
    }  # fmt: skip
    templates.globals |= {"bars": shown.bars, "curve": shown.curve}
    stream = Stream(database)
    site = Site(database, templates, stream, clock)
    app = FastAPI(title="Grail explorer", version="1", docs_url=None, redoc_url=None, lifespan=stream.running)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Guarded)

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": str(error.detail)}, error.status_code)
        page = templates.get_template("missing.html").render(reason=str(error.detail), path=request.url.path)
        return HTMLResponse(page, error.status_code)

    @app.exception_handler(StorageError)
    async def broken(request: Request, error: StorageError) -> Response:
        get_logger().error("the index cannot be read", reason=str(error))
        return await refused(request, HTTPException(503, UNREADABLE))

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        reason = f"expected another {first['loc'][-1]}: {first['msg']}"
        return await refused(request, HTTPException(422, reason))

    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    _pages(app, site)
    _service(app, site)
    return app


def _pages(app: FastAPI, site: Site) -> None:
    def both(path: str, api: str, template: str, view: Callable[..., Any]) -> None:
        """A view as a page and as JSON; `view` takes the path's parameters and gives a function of a Look."""

        def page(request: Request, asked: Any = Depends(view)) -> Response:
            return site.page(template, request, asked)

        def json(asked: Any = Depends(view)) -> Response:
            return site.json(asked)

        app.get(path, include_in_schema=False, response_class=HTMLResponse)(page)
        app.get(f"/api/v1{api}", name=path)(json)

    both("/", "/overview", "overview.html", lambda: overview.overview)
    both("/windows", "/windows", "windows.html", _windows)
    both("/windows/{number}", "/windows/{number}", "window.html", _window)
    both("/neurons", "/neurons", "neurons.html", _neurons)
    both("/neurons/{address}", "/neurons/{address}", "neuron.html", _neuron)
    both("/why/{address}/{number}", "/why/{address}/{number}", "why.html", _why)
    both("/validators", "/validators", "validators.html", lambda: neurons.validators)
    both("/court", "/court", "court.html", _court)
    both("/court/{number}", "/court/{number}", "case.html", _case)
    both("/training", "/checkpoints", "training.html", lambda: training.training)
    both("/training/{number}", "/checkpoints/{number}", "version.html", _version)
    both("/votes", "/proposals", "votes.html", lambda: votes.votes)
    both("/votes/propose", "/governed", "propose.html", lambda: votes.proposing)
    both("/votes/{motion}", "/proposals/{motion}", "vote.html", _motion)
    both("/policy", "/policy", "policy.html", _policy)
    both("/money", "/supply", "money.html", lambda: money.money)
    both("/accounts/{address}", "/accounts/{address}", "account.html", _account)
    both("/activity", "/events", "activity.html", _events)
    both("/tx/{tx}", "/tx/{tx}", "transaction.html", _transaction)


def _windows(before: Before = None) -> Any:
    return lambda look: windows.windows(look, before)


def _window(number: Number) -> Any:
    return lambda look: windows.window(look, number)


def _neurons(role: Word = None, order: Word = "stake") -> Any:
    return lambda look: neurons.neurons(look, role or None, order or "stake")


def _neuron(address: Account) -> Any:
    return lambda look: neurons.neuron(look, address.lower())


def _why(address: Account, number: Number) -> Any:
    return lambda look: why(look, address.lower(), number)


def _version(number: Number) -> Any:
    return lambda look: training.version(look, number)


def _court(before: Before = None) -> Any:
    return lambda look: court.court(look, before)


def _case(number: Number) -> Any:
    return lambda look: court.case(look, number)


def _motion(motion: Motion) -> Any:
    return lambda look: votes.motion(look, motion)


def _policy(window: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None) -> Any:
    return lambda look: votes.policy(look, window)


def _account(address: Account) -> Any:
    return lambda look: money.account(look, address.lower())


def _events(
    before: Before = None, contract: Word = None, name: Word = None,
    block: Annotated[int | None, Query(ge=0, lt=1 << 40)] = None,
) -> Any:  # fmt: skip
    return lambda look: overview.events(look, before, contract or None, name or None, block)


def _transaction(tx: Digest) -> Any:
    return lambda look: overview.transaction(look, tx.lower())


def _service(app: FastAPI, site: Site) -> None:
    @app.get("/search", include_in_schema=False)
    def search(q: Annotated[str, Query(max_length=200)] = "") -> Response:
        with site.database.reading() as connection:
            where = _found(partial(overview.search, query=q), Look(connection))
        return RedirectResponse(where["to"], 303)

    @app.get("/api/v1/compose/{act}")
    def composed(request: Request, act: Annotated[str, Path(pattern="^[a-z]{1,20}$")]) -> Response:
        """What a wallet would sign to delegate, propose, vote, queue, execute, stake, unstake, withdraw, collect."""
        asked = {name: value[:LONGEST_FIELD] for name, value in request.query_params.items()}
        return site.json(lambda look: compose(look, act, asked))

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz", include_in_schema=False)
    def ready() -> Response:
        try:
            with site.database.reading() as connection:
                at = site.at(Look(connection))
        except NotThere as error:
            return JSONResponse({"ready": False, "reason": str(error)}, 503)
        return JSONResponse({"ready": not at["stale"], **at}, 503 if at["stale"] else 200)

    @app.get("/metrics", include_in_schema=False)
    def numbers() -> Response:
        with site.database.reading() as connection:
            look = Look(connection)
            at = _found(site.at, look)
            return Response(metrics(look, at["age_seconds"]), media_type=CONTENT_TYPE_LATEST)

    @app.get("/feed.atom", include_in_schema=False)
    def atom(request: Request) -> Response:
        with site.database.reading() as connection:
            made = feed(Look(connection), str(request.base_url))
        return Response(made, media_type="application/atom+xml")

    @app.get("/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        return await site.stream.answer(request)
