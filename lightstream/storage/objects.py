"""The objects of one bucket, by their whole paths, with one clear error for each thing that can be wrong."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.storage.paths import split

AT_ONCE = 16
"""How many requests are under way at a time where there are many."""
_PAGE = 1000  # objects a request lists
_CHUNK_BYTES = 4 << 20


class Stored(NamedTuple):
    """An object: its whole path, its size in bytes and its modification time."""

    path: str
    size: int
    mtime_ms: int


class ObjectStore:
    """One bucket. Paths are whole, those of the bucket whatever their scheme is called.

    Every method raises SparkRuntimeException where the store does not do as asked: LIGHTSTREAM_BUCKET_NOT_FOUND,
    LIGHTSTREAM_STORE_ACCESS_DENIED, LIGHTSTREAM_STORE_UNREACHABLE, LIGHTSTREAM_STORE_FAILED.

    Args:
        root: `s3a://bucket`.
        store: obstore's.
    """

    def __init__(self, root: str, store: Any) -> None:
        self.root = root
        self._store = store

    def objects(self, directory: str, after: str | None = None) -> Iterator[Stored]:
        """Yield what lies below a directory, at any depth, by names; with `after`, only what comes behind that path.

        Empty objects are left out: consoles make such for directories.
        """
        return (found for found in self._listed(directory, after) if found.size)

    def is_directory(self, path: str) -> bool:
        """Return whether anything lies below a path; a bucket is always one."""
        first = next(self._listed(path, None), None)
        return first is not None or not split(path)[1]

    def entries(self, directory: str) -> tuple[list[str], list[Stored]]:
        """Return what is in a directory: the paths of directories, and objects."""
        import obstore

        _, key = split(directory)
        with self._told(directory):
            found = obstore.list_with_delimiter(self._store, key or None)
        objects = [self._stored(meta) for meta in found["objects"] if meta["size"] and meta["path"] != key]
        return [f"{self.root}/{path}" for path in found["common_prefixes"]], objects

    def find(self, path: str) -> Stored | None:
        """Return an object, None when there is none of that name, or it is empty."""
        import obstore

        _, key = split(path)
        if not key:
            return None
        try:
            with self._told(path):
                meta = obstore.head(self._store, key)
        except FileNotFoundError:
            return None
        return self._stored(meta) if meta["size"] else None

    def read(self, path: str) -> bytes:
        """Return an object's content.

        Raises:
            FileNotFoundError: there is none of that name.
        """
        import obstore

        with self._told(path):
            return bytes(obstore.get(self._store, split(path)[1]).bytes())

    def fetch(self, path: str, local: str) -> None:
        """Write an object's content to a local file.

        Raises:
            FileNotFoundError: there is none of that name.
            SparkRuntimeException: LIGHTSTREAM_CANNOT_COPY_OBJECT when the local file cannot be written.
        """
        import obstore

        with self._told(path):
            chunks = iter(obstore.get(self._store, split(path)[1]).stream(min_chunk_size=_CHUNK_BYTES))
        try:
            with open(local, "wb") as file:
                while (chunk := self._next(path, chunks)) is not None:
                    file.write(chunk)
        except OSError as error:
            raise SparkRuntimeException(
                "LIGHTSTREAM_CANNOT_COPY_OBJECT",
                f"The object {path} cannot be copied to {local}: {error}. Make room, or set spark.local.dir to another "
                "directory.",
                sqlstate="58030",
                parameters={"path": path},
            ) from error

    def _next(self, path: str, chunks: Iterator[Any]) -> Any:
        with self._told(path):
            return next(chunks, None)

    def put(self, path: str, local: str) -> None:
        """Let an object appear, complete, with the content of a local file; one of that name is replaced."""
        import obstore

        with self._told(path), open(local, "rb") as file:
            obstore.put(self._store, split(path)[1], file)

    def create(self, path: str, data: bytes) -> None:
        """Let an object appear, complete, unless there is one of that name: of all who try, one succeeds.

        Raises:
            FileExistsError: the name is taken.
        """
        import obstore

        with self._told(path):
            obstore.put(self._store, split(path)[1], data, mode="create", use_multipart=False)

    def write(self, path: str, data: bytes) -> None:
        """Let an object appear, complete; one of that name is replaced."""
        import obstore

        with self._told(path):
            obstore.put(self._store, split(path)[1], data, use_multipart=False)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; what is not there is no error."""
        import obstore

        for start in range(0, len(paths), _PAGE):
            page = paths[start : start + _PAGE]
            try:
                with self._told(page[0]):
                    obstore.delete(self._store, [split(path)[1] for path in page])
            except FileNotFoundError:
                if len(page) > 1:  # some stores stop at what is not there
                    for path in page:
                        self.delete([path])

    def fetch_all(self, wanted: Sequence[tuple[str, str]]) -> list[str]:
        """Fetch many objects, each (path, local file), some at a time; return the paths that were not there."""

        def fetched(pair: tuple[str, str]) -> str | None:
            try:
                self.fetch(*pair)
            except FileNotFoundError:
                return pair[0]
            return None

        if len(wanted) < 2:
            found = [fetched(pair) for pair in wanted]
        else:
            with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), "lightstream-fetch") as pool:
                found = list(pool.map(fetched, wanted))
        return [path for path in found if path is not None]

    def _listed(self, directory: str, after: str | None) -> Iterator[Stored]:
        import obstore

        _, key = split(directory)
        offset = None if after is None else split(after)[1]
        with self._told(directory):
            for page in obstore.list(self._store, key or None, offset=offset, chunk_size=_PAGE):
                for meta in page:
                    if meta["path"] != key:
                        yield self._stored(meta)

    def _stored(self, meta: Any) -> Stored:
        return Stored(
            f"{self.root}/{meta['path']}", meta["size"], round(meta["last_modified"].timestamp() * 1000)
        )

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError

        try:
            yield
        except AlreadyExistsError:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        except InvalidPathError as error:
            reason = str(error).partition("\n")[0]
            raise unsupported(f"A name of an object below {path} ({reason})", "Rename the object.") from None
        except (BaseError, FileNotFoundError) as error:
            text = str(error)
            if isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(text):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
            raise _failed(self.root, path, text) from error


_NO_BUCKET = re.compile("NoSuchBucket|bucket does not exist|ContainerNotFound|container does not exist", re.I)
_DENIED = re.compile(
    "40[13] (?:Forbidden|Unauthorized)|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|AuthenticationFailed"
)
_NO_CREDENTIALS = re.compile(r"//169\.254\.|metadata\.google\.internal|[Mm]issing (?:credential|account key)")
_CREDENTIALS = {
    "s3": "spark.hadoop.fs.s3a.access.key and secret.key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "spark.hadoop.fs.gs.auth.service.account.json.keyfile, or GOOGLE_APPLICATION_CREDENTIALS",
    "az": "spark.hadoop.fs.azure.account.key.ACCOUNT.dfs.core.windows.net, or AZURE_STORAGE_ACCOUNT_KEY",
}
_UNREACHABLE = re.compile("error sending request|HTTP error: |timed out|connection", re.I)
_SAID = re.compile("<Message>(.*?)</Message>", re.DOTALL)


def _failed(root: str, path: str, text: str) -> SparkRuntimeException:
    """Return the error for what a store has answered, or not answered."""
    said = _SAID.search(text)
    reason = (
        said[1].strip().partition("\n")[0]
        if said is not None
        else text.partition("\n")[0].partition(": <?xml")[0][:300]
    )
    if _NO_BUCKET.search(text):
        what = ("LIGHTSTREAM_BUCKET_NOT_FOUND", f"There is no bucket {root}",
                "Check its name and region, or make it first.", "42K03")  # fmt: skip
    elif _NO_CREDENTIALS.search(text):
        what = ("LIGHTSTREAM_STORE_ACCESS_DENIED", f"There are no credentials for {root}",
                f"Set {_CREDENTIALS.get(root[:2], _CREDENTIALS['az'])}.", "42501")  # fmt: skip
    elif _DENIED.search(text):
        what = ("LIGHTSTREAM_STORE_ACCESS_DENIED", f"The store does not let these credentials at {path} ({reason})",
                "Check the credentials, and what they may do.", "42501")  # fmt: skip
    elif _UNREACHABLE.search(text) and said is None:
        what = ("LIGHTSTREAM_STORE_UNREACHABLE", f"The store of {root} does not answer ({reason})",
                "Check the endpoint and the network, then start again.", "08001")  # fmt: skip
    else:
        what = ("LIGHTSTREAM_STORE_FAILED", f"The store of {root} failed at {path} ({reason})",
                "Start again when it has recovered.", "58030")  # fmt: skip
    condition, happened, advice, state = what
    return SparkRuntimeException(
        condition, f"{happened}. {advice}", sqlstate=state, parameters={"path": path, "reason": reason}
    )
