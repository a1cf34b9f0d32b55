#!/usr/bin/env python3
"""Make the activity data: synthetic phone sensor readings as JSON lines, the same bytes on every machine.

The rows have the shape of the public Heterogeneity Activity Recognition set (nine people, two phones, six
activities and "null"), but none of its values. Needs Python 3.11 and nothing else; see `--help`.

How a row comes to be:

* Recording runs over four days. Time is divided into as many equal *slots* as there are rows; the row of slot
  `k` is created in that slot. Fewer rows therefore mean wider slots, not fewer days.
* Three people are recorded at a time, each on one *lane*: slot `k` belongs to lane `k % 3`. A *plan* lists,
  lane after lane, who does what for how many rows, so the counts per activity are exact by construction.
* Each person wears two phones, which take turns. Values are a mean per axis (gravity), a wave and noise, all
  three set by the activity.
* A row normally arrives 8 ms after it was created. A few arrive seconds or minutes later; files are in order
  of arrival, so `Creation_Time` is not. Some of the late rows arrive only with the next file.

Every file can be made on its own, so that several processes can share the work.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import signal
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, pairwise
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random

GT_COUNTS = {
    "sit": 984_714,
    "stand": 910_783,
    "stairsdown": 749_059,
    "walk": 1_060_402,
    "stairsup": 836_598,
    "null": 835_725,  # the text "null": what the person did between activities
    "bike": 863_710,
}
FULL_ROWS = sum(GT_COUNTS.values())
FULL_FILES = 80
SAMPLE_ROWS = 15_600
SAMPLE_FILES = 40

USERS = "abcdefghi"
DEVICES = ("nexus4_1", "nexus4_2")
LANES = 3

# UTC: 2015-02-23 10:25, 02-24 09:50, 02-25 12:10, 02-26 10:40; two and a half hours each.
DAY_STARTS_S = (1_424_687_100, 1_424_771_400, 1_424_866_200, 1_424_947_200)
DAY_NS = 9_000 * 10**9
MINUTE_NS = 60 * 10**9

ARRIVAL_LAG_NS = 8 * 10**6
# One row in so many is late, by at least, by at most.
LATE = ((200, 2 * 10**9, 40 * 10**9), (4_000, MINUTE_NS, 9 * MINUTE_NS))
# How long before the end of a file a row may be created that arrives only with the next file.
CARRY_WINDOW_NS = 4 * MINUTE_NS

WAVE_STEPS = 4096
# Rounded, because the last digit of sin() is the platform's own business; plain arithmetic is not.
WAVE = tuple(round(math.sin(2 * math.pi * i / WAVE_STEPS), 9) for i in range(WAVE_STEPS))

FILE_NAME = "part-{:05d}.json"
OWN_FILE = re.compile(r"\.?part-\d{5,}\.json(\.tmp)?")
PARALLEL_FROM_ROWS = 300_000  # below this, starting processes costs more than it saves

EXIT_OK, EXIT_OUTPUT, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True, slots=True)
class Motion:
    """How an activity looks to the sensor: per axis mean and wave height (m/s²); rate (Hz), noise (m/s²)."""

    mean: tuple[float, float, float]
    amplitude: tuple[float, float, float]
    rate_hz: float
    noise: float


MOTIONS = {
    "sit": Motion((0.0, 0.35, 9.79), (0.002, 0.003, 0.004), 0.25, 0.02),
    "stand": Motion((-9.78, 0.0, 0.6), (0.006, 0.004, 0.008), 0.3, 0.03),
    "walk": Motion((-9.3, 1.1, 1.6), (2.6, 1.2, 1.5), 1.9, 0.6),
    "stairsup": Motion((-9.1, 1.9, 2.3), (1.7, 0.9, 2.1), 1.4, 0.7),
    "stairsdown": Motion((-9.4, 1.3, 0.9), (3.4, 1.6, 1.9), 2.2, 0.9),
    "bike": Motion((-5.6, 0.8, 7.9), (0.8, 1.1, 0.7), 1.1, 0.5),
    "null": Motion((-4.0, 0.4, 4.5), (0.9, 0.8, 0.9), 0.12, 2.5),
}


@dataclass(frozen=True, slots=True)
class Bout:
    """One person doing one thing: rows `start` to `end` of the plan. `Index` is 0 at `recording_start`."""

    start: int
    end: int
    recording_start: int
    user: str
    gt: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The `slots` of one bout on one day, the first of them at `position` in the plan."""

    bout: Bout
    position: int
    slots: range
    day: int


class OutputError(Exception):
    """The files cannot be written; the text says why and what to do."""


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` into whole parts in proportion to `weights`: largest remainder, the first of equals."""
    weight_sum = sum(weights)
    parts = [total * weight // weight_sum for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % weight_sum), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def gt_counts(rows: int) -> dict[str, int]:
    """Return how many rows each `gt` value gets in a set of `rows` rows."""
    return dict(zip(GT_COUNTS, apportion(rows, list(GT_COUNTS.values())), strict=True))


def plan_bouts(rows: int) -> list[Bout]:
    """Return who does what, in order, in a set of `rows` rows; each lane is a third of this list."""
    random = Random(20150223).random
    recordings = len(USERS) * max(1, min(10, rows // 500))
    shares = {
        gt: apportion(count, [500 + int(random() * 1000) for _ in range(recordings)])
        for gt, count in gt_counts(rows).items()
    }
    users_per_lane = len(USERS) // LANES
    bouts: list[Bout] = []
    position = 0
    for recording in range(recordings):
        # Each lane has its own three people, so that nobody is recorded twice at the same time.
        lane = recording * LANES // recordings
        user = USERS[lane * users_per_lane + recording % users_per_lane]
        recording_start = position
        for _, gt in sorted((random(), gt) for gt in shares):
            if length := shares[gt][recording]:
                bouts.append(Bout(position, position + length, recording_start, user, gt))
                position += length
    return bouts


class ActivitySet:
    """A set of `rows` rows in `files` files, each of which can be made without the others.

    Raises ValueError if some file would have no row.
    """

    def __init__(self, rows: int = FULL_ROWS, files: int = FULL_FILES) -> None:
        if not 1 <= files <= rows:
            raise ValueError(f"{rows:,} rows cannot be divided into {files:,} files of at least one row each")
        self.rows = rows
        self.files = files
        self._bouts = plan_bouts(rows)
        self._bout_starts = [bout.start for bout in self._bouts]
        self._lane_starts = [0, *accumulate((rows - lane + LANES - 1) // LANES for lane in range(LANES))]
        days = len(DAY_STARTS_S)
        self._day_starts = [rows * day // days for day in range(days + 1)]

    def lines(self, number: int) -> list[str]:
        """Return the JSON lines of file `number` (the first is 0), in order of arrival."""
        first, carried_in = self._boundary(number)
        end, carried_out = self._boundary(number + 1)
        random = Random(1_000_003 * (number + 1)).random
        delays_ns: dict[int, int] = {}
        for one_in, least_ns, most_ns in LATE:
            for _ in range(int((end - first) / one_in + random())):
                slot = first + int(random() * (end - first))
                delays_ns[slot] = least_ns + int(random() * (most_ns - least_ns))
        for slot in carried_in:
            delays_ns[slot] = CARRY_WINDOW_NS + int(random() * 8 * MINUTE_NS)

        spans = [(slot, slot + 1) for slot in carried_in]
        on_time_from = first
        for slot in carried_out:
            spans.append((on_time_from, slot))
            on_time_from = slot + 1
        spans.append((on_time_from, end))
        by_arrival: list[tuple[int, str]] = []
        for start, stop in spans:
            for piece in self._pieces(start, stop):
                by_arrival += self._piece_lines(piece, delays_ns, self._slot_ns(end - 1), random)
        by_arrival.sort()
        return [line for _, line in by_arrival]

    def _boundary(self, number: int) -> tuple[int, list[int]]:
        """Return the first slot of file `number`, and the slots before it whose rows arrive only with it."""
        start = self.rows * number // self.files
        day_start = max(slot for slot in self._day_starts if slot <= start)
        day_end = min((slot for slot in self._day_starts if slot > start), default=self.rows)
        window = min(
            CARRY_WINDOW_NS * (day_end - day_start) // DAY_NS,
            start - day_start,  # nothing is carried over a night
            self.rows // self.files // 2,
        )
        carried = min(window, 1 + self.rows // self.files // 10_000)
        if number in (0, self.files) or not carried:
            return start, []
        begin = start + carried  # as many more, so that the file before keeps its size
        random = Random(7_919 * number).random
        return begin, [begin - window + int((i + random()) * window / carried) for i in range(carried)]

    def _slot_ns(self, slot: int) -> int:
        """Return when `slot` begins, in nanoseconds since 1970."""
        day = bisect_right(self._day_starts, slot, hi=len(DAY_STARTS_S)) - 1
        day_start, day_end = self._day_starts[day : day + 2]
        return DAY_STARTS_S[day] * 10**9 + (slot - day_start) * DAY_NS // (day_end - day_start)

    def _pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Divide the slots from `start` to `stop` by day, lane and bout."""
        for day, (day_start, day_end) in enumerate(pairwise(self._day_starts)):
            low, high = max(start, day_start), min(stop, day_end)
            for lane in range(LANES):
                slot = low + (lane - low) % LANES
                while slot < high:
                    position = self._lane_starts[lane] + slot // LANES
                    bout = self._bouts[bisect_right(self._bout_starts, position) - 1]
                    bout_stop = slot + (bout.end - position) * LANES
                    yield Piece(bout, position, range(slot, min(bout_stop, high), LANES), day)
                    slot = bout_stop

    def _piece_lines(
        self, piece: Piece, delays_ns: dict[int, int], last_arrival_ns: int, random: Callable[[], float]
    ) -> Iterator[tuple[int, str]]:
        """Yield the rows of `piece` with their time of arrival: the inner loop, a few million times a set."""
        bout = piece.bout
        motion = MOTIONS[bout.gt]
        user_number = USERS.index(bout.user)
        height = 0.84 + 0.04 * (user_number * 4 % 9)
        wave_steps_per_ns = motion.rate_hz * (0.9 + 0.025 * user_number) * WAVE_STEPS / 1e9
        mean_x, mean_y, mean_z = motion.mean
        wave_x, wave_y, wave_z = (height * amplitude for amplitude in motion.amplitude)
        noise = motion.noise
        day_ns = DAY_STARTS_S[piece.day] * 10**9
        day_start, day_end = self._day_starts[piece.day : piece.day + 2]
        slots_in_day = day_end - day_start
        slot_width_ns = DAY_NS // slots_in_day
        wave, mask, quarter = WAVE, WAVE_STEPS - 1, WAVE_STEPS // 4
        count = piece.position - bout.recording_start
        for slot in piece.slots:
            offset_ns = (slot - day_start) * DAY_NS // slots_in_day + int(random() * slot_width_ns)
            created_ns = arrival_ns = day_ns + offset_ns
            if slot in delays_ns:
                arrival_ns = max(created_ns, min(created_ns + delays_ns[slot], last_arrival_ns))
            step = int(offset_ns * wave_steps_per_ns)
            x = mean_x + wave_x * wave[step & mask] + noise * (random() + random() - 1)
            y = mean_y + wave_y * wave[step + quarter & mask] + noise * (random() + random() - 1)
            z = mean_z + wave_z * wave[step + step & mask] + noise * (random() + random() - 1)
            yield (
                arrival_ns,
                f'{{"Arrival_Time":{(arrival_ns + ARRIVAL_LAG_NS) // 1_000_000},"Creation_Time":{created_ns},'
                f'"Device":"{DEVICES[count & 1]}","Index":{count >> 1},"Model":"nexus4",'
                f'"User":"{bout.user}","gt":"{bout.gt}",'
                # Nine decimals, so that no last digit depends on how a sum was rounded.
                f'"x":{int(x * 1e9) / 1e9!r},"y":{int(y * 1e9) / 1e9!r},"z":{int(z * 1e9) / 1e9!r}}}\n',
            )
            count += 1


def hidden_path(output: Path, number: int) -> Path:
    """Return where file `number` stands until it is complete: a name that readers of directories skip."""
    return output / f".{FILE_NAME.format(number)}.tmp"


def write_file(activity: ActivitySet, number: int, output: Path, mtime_ns: int) -> int:
    """Write file `number` of the set into `output`, visible only when complete, and return its size in bytes.

    Raises OSError.
    """
    data = "".join(activity.lines(number)).encode("ascii")
    hidden = hidden_path(output, number)
    try:
        hidden.write_bytes(data)
        os.utime(hidden, ns=(mtime_ns, mtime_ns))
        os.replace(hidden, output / FILE_NAME.format(number))
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
    return len(data)


def prepare_output(output: Path, *, overwrite: bool) -> None:
    """Create the directory `output` or see that it is empty; `overwrite` removes the files of an earlier run.

    Raises OutputError if it is not empty, OSError if it cannot be used.
    """
    output.mkdir(parents=True, exist_ok=True)
    earlier = [entry for entry in output.iterdir() if OWN_FILE.fullmatch(entry.name)]
    if overwrite:
        for entry in earlier:
            entry.unlink()
    elif entries := sorted(entry.name for entry in output.iterdir() if not entry.name.startswith(".")):
        raise OutputError(
            f"{output} is not empty: it holds {entries[0]}"
            + (f" and {len(entries) - 1:,} more" if len(entries) > 1 else "")
            + ". Name another directory, or say --overwrite to replace the part-*.json files in it."
        )


def write_all(activity: ActivitySet, output: Path, workers: int) -> Generator[int, None, None]:
    """Write all files of the set with `workers` processes, and yield the size in bytes of each one written.

    Raises OSError, OutputError.
    """
    # One second apart and none in the future: time order for a reader that sorts files by age.
    first_mtime_s = int(time.time()) - activity.files
    mtimes_ns = [(first_mtime_s + number) * 10**9 for number in range(activity.files)]
    if workers == 1:
        for number, mtime_ns in enumerate(mtimes_ns):
            yield write_file(activity, number, output, mtime_ns)
        return
    processes = []
    open_ends: list[Connection] = []
    try:
        for worker in range(workers):
            receiving, sending = Pipe(duplex=False)
            share = range(worker, activity.files, workers)
            process = Process(
                target=write_share, args=(activity, share, output, mtimes_ns, sending), daemon=True
            )
            process.start()
            processes.append(process)
            sending.close()  # so that the end of the worker is the end of the pipe
            open_ends.append(receiving)
        files_left = activity.files
        while open_ends:
            for connection in wait(open_ends):
                assert isinstance(connection, Connection)
                try:
                    result = connection.recv()
                except EOFError:
                    open_ends.remove(connection)
                    continue
                if isinstance(result, OSError):
                    raise result
                files_left -= 1
                yield result
        if files_left:
            raise OutputError("a worker process was killed, maybe for want of memory. Try --workers 1.")
    finally:
        on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for number in range(activity.files):
            hidden_path(output, number).unlink(missing_ok=True)
        signal.signal(signal.SIGINT, on_interrupt)


def write_share(
    activity: ActivitySet, share: range, output: Path, mtimes_ns: list[int], results: Connection
) -> None:
    """Write the files `share` in a process of its own; send the size of each, or the error that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    try:
        for number in share:
            results.send(write_file(activity, number, output, mtimes_ns[number]))
    except OSError as error:
        results.send(error)


def drop_live(activity: ActivitySet, output: Path, interval_s: float) -> Generator[int, None, None]:
    """Drop the files of the set one by one, `interval_s` apart, and yield the size of each in bytes."""
    mtime_ns = 0
    for number in range(activity.files):
        if number and interval_s:
            time.sleep(interval_s)
        # Readers compare whole milliseconds; two files within one would look equally old.
        mtime_ns = max(time.time_ns(), mtime_ns + 10**6)
        yield write_file(activity, number, output, mtime_ns)


def report_progress(sizes: Generator[int, None, None], activity: ActivitySet, *, each: bool) -> int:
    """Follow the writing on stderr (`each`: a line per file) and return the bytes written."""
    total_bytes = 0
    terminal = sys.stderr.isatty()
    with closing(sizes):  # an interrupt here, too, ends the workers before anything else happens
        for done, size_bytes in enumerate(sizes, start=1):
            total_bytes += size_bytes
            text = f"{done:,} of {activity.files:,} files, {total_bytes / 1e6:,.1f} MB"
            if each:
                print(text, file=sys.stderr, flush=True)
            elif terminal:
                print(f"\r{text}", end="\n" if done == activity.files else "", file=sys.stderr, flush=True)
    return total_bytes


def whole_number(text: str) -> int:
    """Read a whole number of at least 1 from the command line; raises argparse.ArgumentTypeError."""
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """Read a number of seconds, 0 or more, from the command line; raises argparse.ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return number


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="generate_activity_data.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Make synthetic phone sensor readings as JSON lines, for streaming programs to read.\n\n"
            "Without options: the full-size set, "
            f"{FULL_ROWS:,} rows in {FULL_FILES} files (part-00000.json, ...), about 1.2 GB.\n"
            "The same options give the same bytes, on every machine. Rows are in order of arrival;\n"
            "a few were created seconds or minutes before their neighbours (late data)."
        ),
        epilog=(
            "examples:\n"
            "  %(prog)s /tmp/activity                                  the full-size set\n"
            "  %(prog)s /tmp/activity --rows 624099                    a tenth of it, in as many files\n"
            "  %(prog)s data/activity-data --sample --overwrite        the set that comes with the project\n"
            "  %(prog)s /tmp/incoming --sample --live 1                a stream: one small file a second\n"
            "\n"
            "A file appears in OUTPUT only when it is complete, so a stream may already be reading OUTPUT.\n"
            "With fewer rows the set covers the same four days more thinly; counts per activity keep their\n"
            "proportions. Modification times follow the order of the files.\n"
            "\n"
            "exit codes: 0 all files written, 1 OUTPUT cannot be used, 2 wrong options, 130 stopped by Ctrl-C"
        ),
    )
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="directory to write to; made if missing")
    parser.add_argument("--rows", type=whole_number, metavar="N", help=f"rows in all (default {FULL_ROWS})")
    parser.add_argument(
        "--files", type=whole_number, metavar="N", help=f"number of files (default {FULL_FILES})"
    )
    parser.add_argument(
        "--sample",
        action="store_true",
        help=f"the set that comes with the project: {SAMPLE_ROWS:,} rows in {SAMPLE_FILES} files, about 3 MB",
    )
    parser.add_argument(
        "--live",
        type=seconds,
        metavar="SECONDS",
        help="drop one file every SECONDS, the first at once, until all are there or you press Ctrl-C",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="first remove the part-*.json files that OUTPUT holds; other files in it are left alone",
    )
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes to use (default: one per CPU, one alone for small sets); does not change the bytes",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = command_line()
    options = parser.parse_args(arguments)
    if options.sample and (options.rows or options.files):
        parser.error("--sample has its own size: leave out --rows and --files")
    try:
        activity = (
            ActivitySet(SAMPLE_ROWS, SAMPLE_FILES)
            if options.sample
            else ActivitySet(options.rows or FULL_ROWS, options.files or FULL_FILES)
        )
    except ValueError as error:
        parser.error(f"{error}: give more --rows or fewer --files")
    live = options.live is not None
    workers = options.workers or (1 if activity.rows < PARALLEL_FROM_ROWS else os.cpu_count() or 1)
    try:
        prepare_output(options.output, overwrite=options.overwrite)
        sizes = (
            drop_live(activity, options.output, options.live)
            if live
            else write_all(activity, options.output, min(workers, activity.files))
        )
        total_bytes = report_progress(sizes, activity, each=live)
    except OutputError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_OUTPUT
    except OSError as error:
        reason = f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
        print(f"error: cannot write to {options.output}: {reason}", file=sys.stderr)
        return EXIT_OUTPUT
    except KeyboardInterrupt:
        print(f"\nstopped; the files in {options.output} are complete, more were to come", file=sys.stderr)
        return EXIT_INTERRUPTED
    counts = ", ".join(f"{gt} {count:,}" for gt, count in gt_counts(activity.rows).items())
    size = f"{activity.rows:,} rows in {activity.files:,} files, {total_bytes / 1e6:,.1f} MB"
    print(f"{options.output}: {size}\n{counts}", file=sys.stderr)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
