"""How files are found: exact with events and without them, never while they are being written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightstream.errors import SparkRuntimeException
from lightstream.sources import being_written, discovery, inotify, watching
from lightstream.sources.being_written import FileState, Writing, look_at
from lightstream.sources.files import FileStream
from lightstream.sources.filesystems import Trust, trust_of
from lightstream.sources.inotify import OVERFLOW, Event, Inotify

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify and leases are Linux's")
pytestmark = linux

WAIT_S = 20.0


class Watched:
    """A stream whose watching thread is running (or, without events, has never been started)."""

    def __init__(
        self, directory: Path, *, events: bool, trust: Trust | None = None, quiet_ms: int = 0
    ) -> None:
        self.directory = directory
        self.woken = threading.Event()
        self.stream = FileStream(str(directory), {}, None, trust=trust, quiet_ms=quiet_ms)
        self.start = self.stream.latest_offset(None)
        if events:
            self.stream.set_wakeup(self.woken.set)
            assert self.stream._watching is not None
            assert self.stream._watching.ready.wait(WAIT_S)
            assert self.woken.wait(WAIT_S)
            self.batch()
            self.woken.clear()

    def batch(self) -> list[str]:
        end = self.stream.latest_offset(self.start)
        if end == self.start or end is None:
            return []
        files = self.stream.files_between(self.start, end)
        self.start = end
        return sorted(os.path.basename(file.path) for file in files)

    def next_batch(self) -> list[str]:
        """Wait for a wake-up that brings files."""
        while not (files := self.batch()):
            assert self.woken.wait(WAIT_S), "not woken"
            self.woken.clear()
        return files


Open = Callable[..., Watched]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Open]:
    opened: list[Watched] = []
    (tmp_path / "in").mkdir()

    def open_watched(*, events: bool = True, trust: Trust | None = None, quiet_ms: int = 0) -> Watched:
        opened.append(Watched(tmp_path / "in", events=events, trust=trust, quiet_ms=quiet_ms))
        return opened[-1]

    yield open_watched
    for each in opened:
        each.stream.stop()


def publish(how: str, directory: Path, name: str) -> None:
    """Make a file appear: written in place, renamed or linked into place."""
    if how == "in place":
        (directory / name).write_text("x")
        return
    staged = directory.parent / f"staged-{name}"
    staged.write_text("x")
    if how == "rename":
        os.rename(staged, directory / name)
    else:
        os.link(staged, directory / name)
        os.unlink(staged)


# Exactness


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize("trust", list(Trust))
@pytest.mark.parametrize("how", ["in place", "rename", "link"])
def test_a_look_sees_every_file_that_was_complete_before_it(
    watch: Open, how: str, trust: Trust, events: bool
) -> None:
    watched = watch(events=events, trust=trust)
    for number in range(60):
        publish(how, watched.directory, f"f{number}")
        assert watched.batch() == [f"f{number}"]


@pytest.mark.parametrize("events", [True, False])
def test_files_in_new_directories(watch: Open, events: bool) -> None:
    watched = watch(events=events)
    for number in range(30):
        (watched.directory / f"k={number}/j=1").mkdir(parents=True)
        publish("rename", watched.directory / f"k={number}/j=1", f"a{number}")
        assert watched.batch() == [f"a{number}"]
        publish("link", watched.directory / f"k={number}/j=1", f"b{number}")
        assert watched.batch() == [f"b{number}"]


def test_more_directories_than_are_looked_at_each_time(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_CHECKED_EACH_LOOK", 3)
    watched = watch()
    for number in range(8):
        (watched.directory / f"k={number}").mkdir()
        publish("rename", watched.directory / f"k={number}", f"a{number}")
    assert len(watched.batch()) == 8
    for number in range(8):
        publish("rename", watched.directory / f"k={number}", f"b{number}")
        assert watched.batch() == [f"b{number}"]


def test_a_look_with_nothing_new_lists_nothing(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch()
    publish("rename", watched.directory, "a")
    assert watched.batch() == ["a"]
    monkeypatch.setattr(os, "listdir", lambda path: pytest.fail(f"listed {path}"))
    publish("rename", watched.directory, "b")
    assert watched.batch() == ["b"]
    assert watched.batch() == []


# What events can miss


def test_lost_events_show_in_the_time_of_the_directory(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch()
    whole = Inotify.drain
    monkeypatch.setattr(Inotify, "drain", lambda self: whole(self) and [])
    publish("rename", watched.directory, "a")
    assert watched.batch() == ["a"]


def test_an_overflow_lists_again(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch()
    (watched.directory / "k=1").mkdir()
    publish("rename", watched.directory / "k=1", "a")
    assert watched.batch() == ["a"]
    whole = Inotify.drain
    monkeypatch.setattr(Inotify, "drain", lambda self: whole(self) and [Event(-1, OVERFLOW, "")])
    publish("rename", watched.directory / "k=1", "b")
    (watched.directory / "k=2").mkdir()
    publish("rename", watched.directory / "k=2", "c")
    assert watched.batch() == ["b", "c"]
    monkeypatch.undo()
    publish("rename", watched.directory / "k=2", "d")
    assert watched.batch() == ["d"]


def test_the_audit_finds_what_nothing_told(watch: Open) -> None:
    watched = watch()
    found = watched.stream._discovery
    publish("rename", watched.directory, "a")
    assert found._inotify is not None
    with found.lock:  # as if the event had been lost, and the directory's time explained by another one
        found._inotify.drain()
        found._directories[str(watched.directory)].mtime_ns = os.stat(watched.directory).st_mtime_ns
    assert watched.batch() == []
    assert found.audit() is True
    assert watched.batch() == ["a"]
    assert found.audit() is False


def test_without_inotify_the_directories_are_polled(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def limit(self: Inotify) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Inotify, "__init__", limit)
    watched = watch()
    publish("rename", watched.directory, "a")
    assert watched.next_batch() == ["a"]


def test_the_limit_of_watches_may_be_reached_later(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = watch()

    def limit(self: Inotify, directory: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Inotify, "add", limit)
    (watched.directory / "k=1").mkdir()
    publish("rename", watched.directory / "k=1", "a")
    assert watched.batch() == ["a"]
    publish("rename", watched.directory / "k=1", "b")
    assert watched.next_batch() == ["b"]
    assert watched.stream._discovery.events_tell_all() is False


@pytest.mark.parametrize("trust", [Trust.DIRECTORY_TIME, Trust.NOTHING])
def test_file_systems_that_other_machines_write_to_are_polled(watch: Open, trust: Trust) -> None:
    watched = watch(trust=trust)
    publish("rename", watched.directory, "a")
    assert watched.next_batch() == ["a"]


def test_watchdog_wakes_where_there_is_no_inotify(tmp_path: Path) -> None:
    woken = threading.Event()
    observer = watching.observe(str(tmp_path), woken.set)
    try:
        publish("in place", tmp_path, "a")
        assert woken.wait(WAIT_S)
    finally:
        observer.stop()
        observer.join()
    assert watching.observe(str(tmp_path / "nowhere"), woken.set) is None


def test_waking_up(watch: Open) -> None:
    watched = watch()
    for how in ("rename", "in place", "link"):
        publish(how, watched.directory, how)
        assert watched.next_batch() == [how]


def test_an_audit_that_fails_leaves_the_error_to_the_query(
    watch: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch()
    audited = threading.Event()

    def audit(self: discovery.FileDiscovery) -> bool:
        audited.set()
        raise SparkRuntimeException("LIGHTSTREAM_CANNOT_LIST", "no permission")

    monkeypatch.setattr(discovery.FileDiscovery, "audit", audit)
    thread = watching.Watching(watched.stream._discovery, watched.woken.set, audit_interval_s=0.01)
    watched.stream._watching, first = thread, watched.stream._watching
    assert first is not None
    first.stop()
    thread.start()
    assert audited.wait(WAIT_S) and watched.woken.wait(WAIT_S)
    publish("rename", watched.directory, "a")
    assert watched.next_batch() == ["a"]
    watched.stream.stop()
    thread.wake_in(0)  # after its end: no harm


def test_stopping_ends_the_thread(watch: Open) -> None:
    watched = watch()
    thread = watched.stream._watching
    assert thread is not None and thread.is_alive()
    watched.stream.stop()
    watched.stream.stop()
    assert not thread.is_alive()


# Files that are being written


@pytest.mark.parametrize("events", [True, False])
def test_a_file_is_not_taken_while_it_is_open_for_writing(watch: Open, events: bool) -> None:
    watched = watch(events=events)
    with open(watched.directory / "a", "w") as writer:
        for _ in range(3):
            writer.write("line\n")
            writer.flush()
            assert watched.batch() == []
        assert watched.stream.held_files == (str(watched.directory / "a"),)
        publish("rename", watched.directory, "b")
        assert watched.batch() == ["b"]
    assert watched.batch() == ["a"]
    assert watched.stream.held_files == ()
    (entry,) = watched.stream._log.entries_between(0, 1)
    assert entry.mtime_ms == os.stat(watched.directory / "a").st_mtime_ns // 1_000_000


def test_the_close_of_a_file_wakes(watch: Open) -> None:
    watched = watch()
    writer = open(watched.directory / "a", "w")  # noqa: SIM115
    writer.write("x")
    writer.flush()
    assert watched.batch() == []
    writer.close()
    assert watched.next_batch() == ["a"]


WRITE = """
import sys
with open(sys.argv[1], "w") as writer:
    writer.write("half")
    writer.flush()
    print("open", flush=True)
    sys.stdin.read(1)
"""


def test_another_process_s_file_is_taken_when_that_process_is_killed(watch: Open) -> None:
    watched = watch()
    path = str(watched.directory / "a")
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        assert watched.batch() == []
        process.kill()
        process.wait()
    assert watched.next_batch() == ["a"]


def test_a_file_renamed_into_place_while_open_waits_too(watch: Open, tmp_path: Path) -> None:
    watched = watch()
    with open(tmp_path / "staged", "w") as writer:
        writer.write("x")
        os.rename(tmp_path / "staged", watched.directory / "a")
        assert watched.batch() == []
    assert watched.next_batch() == ["a"]


def test_a_file_that_grew_goes_back_in_line(watch: Open) -> None:
    watched = watch(events=False)
    old, new = watched.directory / "old", watched.directory / "new"
    with open(old, "w") as writer:
        os.utime(old, (1_760_000_000, 1_760_000_000))
        new.write_text("x")
        os.utime(new, (1_760_000_100, 1_760_000_100))
        watched.stream._discovery.look()
        writer.write("more")
    os.utime(old, (1_760_000_200, 1_760_000_200))
    end = watched.stream.latest_offset(None)
    assert end is not None
    assert [os.path.basename(file.path) for file in watched.stream.files_between(None, end)] == ["new", "old"]


def test_the_kernel_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert look_at(str(path), ask_kernel=True) == FileState(Writing.GONE, 0, 0)
    assert look_at(str(path), ask_kernel=False) == FileState(Writing.GONE, 0, 0)
    with open(path, "w") as writer:
        assert look_at(str(path), ask_kernel=True).writing is Writing.YES
        writer.write("xyz")
    state = look_at(str(path), ask_kernel=True)
    assert state == FileState(Writing.NO, 3, os.stat(path).st_mtime_ns)
    with open(path):
        assert look_at(str(path), ask_kernel=True).writing is Writing.NO
    assert look_at(str(path), ask_kernel=False).writing is Writing.UNKNOWN


def test_asking_does_no_harm_to_writers_nor_to_us(tmp_path: Path) -> None:
    """Writers that open the file while we ask break our lease: the signal must not end this process."""
    path = tmp_path / "a"
    path.write_text("")
    done = threading.Event()

    def write() -> None:
        for _ in range(300):
            with open(path, "a") as writer:
                writer.write("x")
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    asked = 0
    while not done.is_set() or asked < 300:
        look_at(str(path), ask_kernel=True)
        asked += 1
    thread.join()
    assert path.read_text() == "x" * 300


def test_a_file_of_another_user_is_taken_when_its_close_was_seen(
    watch: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(being_written, "_ask_for_lease", lambda descriptor: Writing.UNKNOWN)
    watched = watch(quiet_ms=3_600_000)
    with open(watched.directory / "a", "w") as writer:
        writer.write("x")
        writer.flush()
        assert watched.batch() == []
    assert watched.batch() == ["a"]
    publish("rename", watched.directory, "b")
    assert watched.batch() == ["b"]
    publish("link", watched.directory, "c")  # nothing tells whether its writer is done
    assert watched.batch() == []
    assert watched.stream.held_files == (str(watched.directory / "c"),)


def test_where_nothing_tells_a_file_has_to_be_quiet(watch: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(discovery.time, "monotonic", lambda: now[0])
    watched = watch(events=False, trust=Trust.NOTHING, quiet_ms=2000)
    path = watched.directory / "a"
    path.write_text("x")
    assert watched.batch() == []
    now[0] += 1.9
    assert watched.batch() == []
    path.write_text("xy")
    now[0] += 0.2
    assert watched.batch() == []  # it changed
    now[0] += 2.1
    assert watched.batch() == ["a"]
    old = watched.directory / "b"
    old.write_text("x")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    assert watched.batch() == ["b"]


def test_available_now_waits_for_quiet(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    stream = FileStream(str(tmp_path), {}, None, trust=Trust.NOTHING, quiet_ms=5)
    stream.prepare_available_now()
    assert stream.latest_offset(None) == '{"logOffset":0}'
    stream.stop()


# A race of writers and the source


END = b"|end"


def write_files(directory: Path, writer: int, count: int, how: str) -> None:
    staging = directory.parent / f"staging-{writer}"
    staging.mkdir()
    for number in range(count):
        name = f"{how.replace(' ', '-')}-{writer}-{number}"
        target = directory / name if how == "in place" else staging / name
        with open(target, "wb", buffering=0) as file:
            for _ in range(4):
                file.write(b"x" * 100)
                os.sched_yield()
            file.write(END)
        if how == "rename":
            os.rename(target, directory / name)
        elif how == "link":
            os.link(target, directory / name)


@pytest.mark.parametrize("events", [True, False])
def test_no_file_is_taken_half_written_twice_or_never(watch: Open, events: bool) -> None:
    watched = watch(events=events)
    count = 150
    threads = [
        threading.Thread(target=write_files, args=(watched.directory, number, count, how))
        for number, how in enumerate(("rename", "in place", "link"))
    ]
    for thread in threads:
        thread.start()
    taken: list[str] = []
    partial: list[str] = []
    while len(taken) < 3 * count:
        alive = any(thread.is_alive() for thread in threads)
        names = watched.batch()
        partial += [name for name in names if not (watched.directory / name).read_bytes().endswith(END)]
        taken += names
        if not names:
            assert alive or not events or watched.woken.wait(WAIT_S), "files were missed"
            assert alive or events, "files were missed"
            watched.woken.clear()
    for thread in threads:
        thread.join()
    assert partial == []
    assert len(taken) == len(set(taken)) == 3 * count
    assert watched.batch() == []


# Small parts


def test_inotify_names_what_happened(tmp_path: Path) -> None:
    queue = Inotify()
    number = queue.add(str(tmp_path))
    assert queue.drain() == []
    name = os.fsdecode(b"n\xff " + "é".encode())
    (tmp_path / name).write_text("x")
    os.rename(tmp_path / name, tmp_path / "b")
    events = queue.drain()
    assert [(event.watch, event.name) for event in events] == [
        (number, name),
        (number, name),
        (number, name),
        (number, "b"),
    ]
    assert [event.mask for event in events] == [
        inotify.CREATE, inotify.CLOSE_WRITE, inotify.MOVED_FROM, inotify.MOVED_TO,
    ]  # fmt: skip
    (tmp_path / "b").unlink()
    assert queue.fetch() is False  # nothing to wake for
    assert [event.mask & inotify.DELETE for event in queue.drain()][-1] == inotify.DELETE
    with pytest.raises(FileNotFoundError):
        queue.add(str(tmp_path / "nowhere"))
    with pytest.raises(NotADirectoryError):
        (tmp_path / "file").write_text("")
        queue.add(str(tmp_path / "file"))
    queue.remove(number)
    queue.remove(number)
    queue.close()
    queue.close()


def test_many_events_are_read_whole(tmp_path: Path) -> None:
    queue = Inotify()
    queue.add(str(tmp_path))
    for number in range(3000):
        (tmp_path / f"a-rather-long-name-to-fill-the-buffer-with-{number:060d}").touch()
    created = [event for event in queue.drain() if event.mask & inotify.CREATE]
    assert len(created) == 3000
    queue.close()


def test_the_file_system_is_known(tmp_path: Path) -> None:
    assert trust_of("/proc") is Trust.NOTHING
    assert trust_of("/dev/shm") is Trust.EVENTS
    assert trust_of(str(tmp_path / "not" / "there")) is trust_of(str(tmp_path))
