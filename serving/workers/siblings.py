"""The other workers behind the same port, over Unix sockets in a folder of their own.

Each worker has two: one that it answers questions on (`metrics`, `ready`), so that whichever worker
is asked can speak for all of them, and one that it hears on what was posted to another. The folder
belongs to the user that the workers run as, and is closed to others.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from millstream.codec import decode, encode
from millstream.errors import InvalidEvent
from millstream.events import Event, Interaction, UserUpsert

_PATIENCE_S = 1.0  # with one that does not answer
_MOST_BYTES = 1 << 18  # of an event that is told
_TOLD_BUFFER = 1 << 20

Answers = Mapping[str, Callable[[], bytes]]


class Siblings:
    """What one of several workers says to the others, and hears of them.

    Args:
        folder: of the sockets.
        number: of this worker, from 0.
        count: of all of them.

    Attributes:
        untold: called for each event that another worker had no room for.
    """

    def __init__(self, folder: Path, number: int, count: int) -> None:
        self._folder, self.number, self.count = folder, number, count
        self._mouth: socket.socket | None = None  # while it runs
        self.untold: Callable[[], None] = _uncounted

    async def run(self, answers: Answers, hear: Callable[[Event], None]) -> None:
        """Answer and hear until cancelled.

        Args:
            answers: by question, each made when it is asked.
            hear: takes what was posted to another worker.
        """

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, ValueError):
                question = (await reader.readline()).decode().strip()
                if question in answers:
                    writer.write(answers[question]())
                await writer.drain()
            writer.close()

        with self._ear() as ear, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
            loop = asyncio.get_running_loop()
            mouth.setblocking(False)
            self._mouth = mouth
            loop.add_reader(ear, _heard, ear, hear)
            asked_at = asked(self._folder, self.number)
            asked_at.unlink(missing_ok=True)
            try:
                async with await asyncio.start_unix_server(answer, asked_at) as server:
                    await server.serve_forever()
            finally:
                self._mouth = None
                loop.remove_reader(ear)

    def tell(self, event: Event) -> None:
        """Tell the others what was posted here; whoever has no room does without."""
        if self._mouth is None or not isinstance(event, Interaction | UserUpsert) or event.is_probe:
            return
        message = encode(event)
        for number in self._others():
            try:
                self._mouth.sendto(message, str(_told(self._folder, number)))
            except (FileNotFoundError, ConnectionRefusedError):
                continue  # it is not there, and begins with what the store has
            except OSError:
                self.untold()

    async def ask(self, question: str) -> dict[int, bytes | None]:
        """The answers of the others by their number; None of one that gives none."""
        numbers = self._others()
        found = await asyncio.gather(*(self._ask(number, question) for number in numbers))
        return dict(zip(numbers, found, strict=True))

    async def _ask(self, number: int, question: str) -> bytes | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                where = asked(self._folder, number)
                reader, writer = await asyncio.open_unix_connection(where)
                with contextlib.closing(writer):
                    writer.write(f"{question}\n".encode())
                    return await reader.read() or None
        except (OSError, TimeoutError):
            return None

    def _others(self) -> list[int]:
        return [number for number in range(self.count) if number != self.number]

    def _ear(self) -> socket.socket:
        where = _told(self._folder, self.number)
        where.unlink(missing_ok=True)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TOLD_BUFFER)
        ear.setblocking(False)
        ear.bind(str(where))
        return ear


def asked(folder: Path, number: int) -> Path:
    """The socket on which a worker answers; it is there once the worker runs."""
    return folder / f"{number}.asked"


def ask_once(folder: Path, number: int, question: str) -> bytes:
    """One worker's answer, for a process without an event loop; empty if there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_PATIENCE_S)
            line.connect(str(asked(folder, number)))
            line.sendall(f"{question}\n".encode())
            return b"".join(iter(lambda: line.recv(1 << 16), b""))
    except OSError:
        return b""


def _told(folder: Path, number: int) -> Path:
    return folder / f"{number}.told"


def _heard(ear: socket.socket, hear: Callable[[Event], None]) -> None:
    """Take one message; the loop calls again while there are more."""
    with contextlib.suppress(BlockingIOError, InvalidEvent):
        hear(decode(ear.recv(_MOST_BYTES), Interaction | UserUpsert))


def _uncounted() -> None:
    """Default counter of events that were not told: counts nothing."""
