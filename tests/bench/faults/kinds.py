"""The faults: each is done to the world and undone again; what recovers is the product's to do."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable

from kafka import KafkaProducer

from millstream.topics import INTERACTIONS, ITEMS
from tests.bench.faults.world import World

Fault = Callable[[World, random.Random], None]

POISON: tuple[tuple[str, bytes], ...] = (
    (INTERACTIONS.name, b"[" * 3_000),
    (INTERACTIONS.name, b"\xff\xfe\x00 not JSON"),
    (INTERACTIONS.name, b'{"type": "interaction", "event_id": "\\ud800"}'),
    (INTERACTIONS.name, b'{"a":' * 20_000),
    (ITEMS.name, b'{"type": "item", "item_id": "big", "title": "' + b"x" * 900_000 + b'"}'),
    (
        ITEMS.name,
        b'{"type": "item", "event_id": "inf", "event_time": 1.0, "item_id": "inf",'
        b' "attributes": {"release_year": "inf"}}',
    ),
)


def _kill(name: str) -> Fault:
    return lambda world, _: world.kept[name].kill()


def _pause(name: str, shortest_s: float, longest_s: float) -> Fault:
    def fault(world: World, rng: random.Random) -> None:
        _paused(world.kept[name].pid, rng.uniform(shortest_s, longest_s))

    return fault


def _paused(pid: int, seconds: float) -> None:
    os.killpg(os.getpgid(pid), signal.SIGSTOP)
    time.sleep(seconds)
    try:
        os.killpg(os.getpgid(pid), signal.SIGCONT)
    except ProcessLookupError:
        return


def kill_stream_of_items(world: World, rng: random.Random) -> None:
    """SIGKILL the stream worker that has the items."""
    del rng
    world.kept[world.stream_of_items()].kill()


def kill_stream_of_users(world: World, rng: random.Random) -> None:
    """SIGKILL the stream worker that has users alone."""
    del rng
    world.kept[world.stream_of_users()].kill()


def pause_stream_of_items(world: World, rng: random.Random) -> None:
    """SIGSTOP the stream worker that has the items, for longer or shorter than its session."""
    _paused(world.kept[world.stream_of_items()].pid, rng.uniform(3, 12))


def kill_everything(world: World, rng: random.Random) -> None:
    """SIGKILL every worker."""
    del rng
    for name in (world.stream_of_items(), world.stream_of_users(), "trainer", "serving"):
        world.kept[name].kill()


def kill_redis(world: World, rng: random.Random) -> None:
    """SIGKILL Redis; it is back with its file after a while."""
    world.redis.kill()
    time.sleep(rng.uniform(0, 10))
    world.redis.start()


def pause_redis(world: World, rng: random.Random) -> None:
    """SIGSTOP Redis."""
    _paused(world.redis.process.pid, rng.uniform(2, 12))


def empty_redis(world: World, rng: random.Random) -> None:
    """Redis is back without its file."""
    world.redis.kill()
    time.sleep(rng.uniform(0, 5))
    shutil.rmtree(world.redis.folder)
    world.redis.start()


def empty_redis_under_a_pause(world: World, rng: random.Random) -> None:
    """A worker takes all of an empty Redis while the one of the items sleeps, which then wakes."""
    pid = world.kept[world.stream_of_items()].pid
    os.killpg(os.getpgid(pid), signal.SIGSTOP)
    empty_redis(world, rng)
    time.sleep(rng.uniform(8, 12))
    os.killpg(os.getpgid(pid), signal.SIGCONT)


def redis_of_earlier(world: World, rng: random.Random) -> None:
    """Redis is back with the file of some seconds ago, under live workers."""
    copy = world.installation.folder / "redis-copy"
    world.copy_of_redis(copy)
    time.sleep(rng.uniform(5, 30))
    world.redis.kill()
    shutil.rmtree(world.redis.folder)
    shutil.move(copy, world.redis.folder)
    world.redis.start()


def stall_redis_connections(world: World, rng: random.Random) -> None:
    """The network to Redis brings nothing; connections stay open."""
    world.proxy.stall()
    time.sleep(rng.uniform(1, 12))
    world.proxy.resume()


def cut_redis_connections(world: World, rng: random.Random) -> None:
    """Every connection to Redis is reset, several times."""
    for _ in range(rng.randint(1, 5)):
        world.proxy.cut()
        time.sleep(rng.uniform(0, 1))


def kill_broker(world: World, rng: random.Random) -> None:
    """SIGKILL the broker; it is back after a while."""
    world.kafka.kill()
    time.sleep(rng.uniform(0, 20))
    world.kafka.start()


def pause_broker(world: World, rng: random.Random) -> None:
    """SIGSTOP the broker."""
    _paused(world.kafka.process.pid, rng.uniform(2, 10))


def flip_a_bit_of_the_newest_snapshot(world: World, rng: random.Random) -> None:
    """A byte of the largest file of the newest snapshot is another one."""
    if folder := world.newest_snapshot():
        largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
        data = bytearray(largest.read_bytes())
        data[rng.randrange(len(data))] ^= 0x10
        largest.write_bytes(bytes(data))


def truncate_the_newest_snapshot(world: World, rng: random.Random) -> None:
    """The largest file of the newest snapshot ends early."""
    if folder := world.newest_snapshot():
        largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
        os.truncate(largest, rng.randrange(largest.stat().st_size))


def delete_the_newest_snapshot(world: World, rng: random.Random) -> None:
    """The newest snapshot is gone."""
    del rng
    if folder := world.newest_snapshot():
        shutil.rmtree(folder, ignore_errors=True)


def full_disk(world: World, rng: random.Random) -> None:
    """Snapshots and the offline store find no room."""
    if world.disk is not None:
        world.disk.fill()
        time.sleep(rng.uniform(5, 12))
        world.disk.free()


def poison(world: World, rng: random.Random) -> None:
    """Messages that no reader can take, among good ones."""
    producer = KafkaProducer(
        bootstrap_servers=world.settings.kafka_bootstrap_servers, max_request_size=1 << 20
    )
    for topic, value in rng.sample(POISON, len(POISON)):
        producer.send(f"{world.settings.topic_prefix}{topic}", key=b"poison", value=value)
    producer.flush(30)
    producer.close()


KINDS: dict[str, Fault] = {
    "kill the stream worker of the items": kill_stream_of_items,
    "kill the stream worker of users": kill_stream_of_users,
    "pause the stream worker of the items": pause_stream_of_items,
    "kill the trainer": _kill("trainer"),
    "pause the trainer": _pause("trainer", 2, 12),
    "kill serving": _kill("serving"),
    "pause serving": _pause("serving", 1, 8),
    "kill every worker": kill_everything,
    "kill Redis": kill_redis,
    "pause Redis": pause_redis,
    "empty Redis": empty_redis,
    "empty Redis while the stream worker of the items is paused": empty_redis_under_a_pause,
    "Redis of seconds ago": redis_of_earlier,
    "stall the network to Redis": stall_redis_connections,
    "cut the connections to Redis": cut_redis_connections,
    "kill the broker": kill_broker,
    "pause the broker": pause_broker,
    "flip a bit of the newest snapshot": flip_a_bit_of_the_newest_snapshot,
    "truncate the newest snapshot": truncate_the_newest_snapshot,
    "delete the newest snapshot": delete_the_newest_snapshot,
    "full disk": full_disk,
    "poison": poison,
}
