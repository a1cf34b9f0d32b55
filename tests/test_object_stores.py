"""Object stores as source, against an S3 of the test's own."""

from __future__ import annotations

import gc
import gzip
import json
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3, running_apart

from lightstream.commands import checkpoint as commands
from lightstream.errors import PySparkException, StreamingQueryException
from lightstream.sources import object_discovery
from lightstream.sources.file_options import ListingOptions
from lightstream.sources.listing import list_files
from lightstream.sources.object_discovery import ObjectDiscovery
from lightstream.sources.paths import from_uri, to_uri
from lightstream.sources.seen import SeenFiles
from lightstream.sql import SparkSession
from lightstream.storage import local, objects, opening
from lightstream.storage.objects import ObjectStore
from lightstream.storage.paths import originals

pytest.importorskip("obstore")
pytest.importorskip("moto")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_apart() as found:  # deltalake waits for an answer without letting other threads run
        yield found


@pytest.fixture(scope="module")
def spark(s3: S3) -> Iterator[SparkSession]:
    builder = SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    for key, value in s3.conf.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def bucket(s3: S3, request: pytest.FixtureRequest) -> ObjectStore:
    return s3.bucket(f"b{abs(hash(request.node.name))}")


def put(bucket: ObjectStore, name: str, *rows: Any) -> None:
    bucket.write(f"{bucket.root}/{name}", "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame.collect()), key=str)


def error(action: Any) -> PySparkException:
    with pytest.raises(PySparkException) as caught:
        action()
    return caught.value


# ---- batches --------------------------------------------------------------------------------------------------------


def test_directories_patterns_and_objects_are_read(spark: SparkSession, bucket: ObjectStore) -> None:
    for n, name in enumerate(["in/a.json", "in/b.json", "in/deep/c.json", "in/_hidden/d.json", "in/.e.json"]):
        put(bucket, name, {"n": n})
    bucket.write(f"{bucket.root}/in/empty/", b"")
    root = bucket.root
    assert rows(spark.read.json(f"{root}/in")) == [(0,), (1,)]
    assert rows(spark.read.json(f"{root}/in/")) == [(0,), (1,)]
    assert rows(spark.read.option("recursiveFileLookup", "true").json(f"{root}/in")) == [(0,), (1,), (2,)]
    assert rows(spark.read.json([f"{root}/in/[b-z].json", f"{root}/in/deep"])) == [(1,), (2,)]
    assert rows(spark.read.json(f"{root}/*/a.json".replace("s3a:", "S3:"))) == [(0,)]
    assert rows(spark.read.json(f"{root}/in/deep/c.json")) == [(2,)]
    assert rows(spark.read.option("pathGlobFilter", "a*").json(f"{root}/in")) == [(0,)]


def test_a_pattern_asks_once_for_each_directory(spark: SparkSession, s3: S3, bucket: ObjectStore) -> None:
    for n in range(20):
        put(bucket, f"in/{n}.json", {"n": n})
    put(bucket, "in/0.json/x.json", {"n": 99})  # names of objects may be those of directories
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_listed", "find", "entries"):
            method = getattr(ObjectStore, name)
            patch.setattr(
                ObjectStore,
                name,
                lambda self, *a, method=method, name=name: asked.append(name) or method(self, *a),
            )
        found = list_files([f"{bucket.root}/in/*.json"], settings=s3.settings)
    assert {file.path for file in found.files} == {f"{bucket.root}/in/{n}.json" for n in range(20)}
    assert len(asked) <= 3, asked


def test_partitions_and_where_rows_come_from(spark: SparkSession, bucket: ObjectStore) -> None:
    put(bucket, "t/day=2024-01-01/x y%é.json", {"n": 1})
    put(bucket, "t/day=2024-01-02/z.json", {"n": 2})
    frame = spark.read.json(f"{bucket.root}/t")
    assert frame.dtypes == [("n", "bigint"), ("day", "date")]
    encoded = f"{bucket.root}/t/day=2024-01-01/x%20y%25é.json"
    found = frame.where("n = 1").selectExpr(
        "_metadata.file_path", "_metadata.file_name", "_metadata.file_size", "input_file_name()"
    )
    assert rows(found) == [(encoded, "x%20y%25é.json", 9, encoded)]
    assert frame.inputFiles()[0] == encoded
    assert from_uri(encoded) == f"{bucket.root}/t/day=2024-01-01/x y%é.json"
    assert to_uri(from_uri(encoded)) == encoded


def test_every_format(spark: SparkSession, bucket: ObjectStore, tmp_path: Path) -> None:
    spark.sql("SELECT 1 AS a, 'x' AS b").write.parquet(str(tmp_path / "p"))
    [part] = (tmp_path / "p").glob("*.parquet")
    bucket.put(f"{bucket.root}/p/{part.name}", str(part))
    bucket.write(f"{bucket.root}/c/c.csv.gz", gzip.compress(b"a,b\n1,x\n"))
    assert rows(spark.read.parquet(f"{bucket.root}/p")) == [(1, "x")]
    assert rows(spark.read.csv(f"{bucket.root}/c", header=True, inferSchema=True)) == [(1, "x")]
    assert rows(spark.read.text(f"{bucket.root}/c")) == [("1,x",), ("a,b",)]


def test_copies_go_with_the_frame(spark: SparkSession, bucket: ObjectStore) -> None:
    put(bucket, "in/a.json", {"n": 1})
    frame = spark.read.json(f"{bucket.root}/in")
    assert rows(frame) == rows(frame) == [(1,)]
    copies = [copy for copy, path in originals.items() if path.startswith(bucket.root)]
    assert len(copies) == 1 and os.path.exists(copies[0])
    del frame
    gc.collect()
    assert not os.path.exists(copies[0]) and copies[0] not in originals


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    dead, alive = tmp_path / "lightstream-objects-dead", local.make_directory(str(tmp_path))
    dead.mkdir()
    (dead / ".lock").touch()
    local._own.cache_clear()
    other = local.make_directory(str(tmp_path))
    assert not dead.exists() and os.path.isdir(alive) and os.path.dirname(other) != os.path.dirname(alive)


def test_an_object_that_goes_before_it_is_read(spark: SparkSession, bucket: ObjectStore) -> None:
    put(bucket, "in/a b.json", {"n": 1})
    put(bucket, "in/c.json", {"n": 2})
    lenient = spark.read.schema("n int").option("ignoreMissingFiles", "true").json(f"{bucket.root}/in")
    strict = spark.read.schema("n int").json(f"{bucket.root}/in")
    bucket.delete([f"{bucket.root}/in/a b.json"])
    assert rows(lenient) == [(2,)]
    found = error(strict.collect)
    assert found.getCondition() == "FAILED_READ_FILE.FILE_NOT_EXIST"
    assert f"{bucket.root}/in/a%20b.json" in str(found)


def test_errors_in_an_object_name_it(spark: SparkSession, bucket: ObjectStore) -> None:
    bucket.write(f"{bucket.root}/in/a.parquet", b"no parquet at all")
    found = error(lambda: spark.read.parquet(f"{bucket.root}/in"))
    assert f"{bucket.root}/in/a.parquet" in str(found)


def test_copies_that_somebody_removed_are_made_again(spark: SparkSession, bucket: ObjectStore) -> None:
    put(bucket, "in/a.json", {"n": 1})
    frame = spark.read.schema("n int").option("ignoreMissingFiles", "true").json(f"{bucket.root}/in")
    assert rows(frame) == [(1,)]
    [copy] = [copy for copy, path in originals.items() if path.startswith(bucket.root)]
    shutil.rmtree(os.path.dirname(copy))
    assert rows(frame) == [(1,)]


def test_a_copy_that_cannot_be_written(
    spark: SparkSession, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "in/a.json", {"n": 1})
    found = error(lambda: bucket.fetch(f"{bucket.root}/in/a.json", "/no/such/directory/a"))
    assert found.getCondition() == "LIGHTSTREAM_CANNOT_COPY_OBJECT"
    frame = spark.read.schema("n int").json(f"{bucket.root}/in")
    fetch = ObjectStore.fetch
    with monkeypatch.context() as patch:
        patch.setattr(
            ObjectStore, "fetch", lambda self, path, local: fetch(self, path, "/no/such/directory/a")
        )
        assert error(frame.collect).getCondition() == "LIGHTSTREAM_CANNOT_COPY_OBJECT"
    assert rows(frame) == [(1,)]  # it is tried again


def test_too_large_for_the_disk(
    spark: SparkSession, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "in/a.json", {"n": 1})
    frame = spark.read.schema("n int").json(f"{bucket.root}/in")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3}))
    assert error(frame.collect).getCondition() == "LIGHTSTREAM_NO_ROOM_FOR_OBJECTS"


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_paths_that_are_not_there(spark: SparkSession, bucket: ObjectStore) -> None:
    for path in (f"{bucket.root}/none", f"{bucket.root}/no*"):
        assert error(lambda path=path: spark.read.json(path)).getCondition() == "PATH_NOT_FOUND"
    found = error(lambda: spark.read.json("s3a://no-such-bucket/x"))
    assert found.getCondition() == "LIGHTSTREAM_BUCKET_NOT_FOUND" and "s3a://no-such-bucket" in str(found)
    with pytest.raises(PySparkException, match="names no bucket"):
        spark.read.json("s3a:x")


def test_wrong_credentials(spark: SparkSession, s3: S3, bucket: ObjectStore) -> None:
    put(bucket, "in/a.json", {"n": 1})
    s3.deny()
    try:
        found = error(lambda: spark.read.json(f"{bucket.root}/in"))
    finally:
        s3.deny(False)
    assert found.getCondition() == "LIGHTSTREAM_STORE_ACCESS_DENIED" and "credentials" in str(found)
    assert rows(spark.read.json(f"{bucket.root}/in")) == [(1,)]


def test_nobody_at_the_endpoint(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(opening._RETRIES, "max_retries", 1)
    reader = spark.read.option("fs.s3a.endpoint", "http://127.0.0.1:1")
    found = error(lambda: reader.json("s3a://bucket/in"))
    assert found.getCondition() == "LIGHTSTREAM_STORE_UNREACHABLE" and "127.0.0.1:1" in str(found)


@pytest.mark.parametrize(
    ("answer", "condition"),
    [
        ("403 Forbidden: <Code>SignatureDoesNotMatch</Code><Message>no match</Message>", "ACCESS_DENIED"),
        ("Error performing PUT http://169.254.169.254/latest/api/token", "ACCESS_DENIED"),
        ("404 Not Found: <Code>ContainerNotFound</Code>", "BUCKET"),
        ("error sending request", "UNREACHABLE"),
        ("after 4 retries, retry_timeout: 30s - Server returned non-2xx status code: 501: ", "FAILED"),
        ("503: <Code>SlowDown</Code><Message>Please reduce your request rate.</Message>", "FAILED"),
    ],
)
def test_what_stores_answer(answer: str, condition: str) -> None:
    assert condition in str(objects._failed("s3://b", "s3://b/k", answer).getCondition())


def test_the_package_is_missing(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    found = error(lambda: spark.read.json("s3a://bucket/in"))
    assert found.getCondition() == "PACKAGE_NOT_INSTALLED"
    assert "pip install 'lightstream[cloud]'" in str(found)


@pytest.mark.parametrize(
    "setting", ["fs.s3a.encryption.algorithm", "fs.s3a.bucket.b.server-side-encryption-algorithm"]
)
def test_settings_that_change_what_is_stored_are_refused(setting: str) -> None:
    with pytest.raises(PySparkException, match="encryption"):
        opening.open_store("s3a://b", {setting: "SSE-KMS"})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"endpoint": "minio:9000", "path.style.access": "true"}, {"endpoint": "https://minio:9000"}),
        (
            {"endpoint": "minio:9000", "path.style.access": "true", "connection.ssl.enabled": "false"},
            {"endpoint": "http://minio:9000"},
        ),
        ({"endpoint": "store.example"}, {"endpoint": "https://b.store.example"}),
        ({"endpoint": "http://127.0.0.1:9000"}, {"endpoint": "http://127.0.0.1:9000"}),
        ({"endpoint": "s3.eu-west-1.amazonaws.com"}, {"region": "eu-west-1"}),
        ({"bucket.b.access.key": "mine", "access.key": "all", "secret.key": "x"}, {"access_key_id": "mine"}),
    ],
)
def test_spark_settings(settings: dict[str, str], expected: dict[str, str]) -> None:
    store = opening.open_store("s3a://b", {f"fs.s3a.{name}": value for name, value in settings.items()})
    config = store._store.config
    assert {name: config.get(name) for name in expected} == expected


@pytest.mark.parametrize("path", ["gs://b/in", "az://c/in", "abfss://c@account.dfs.core.windows.net/in"])
def test_other_stores_open(path: str) -> None:
    settings = {
        "fs.gs.auth.type": "UNAUTHENTICATED",
        "fs.azure.account.key.account.dfs.core.windows.net": "a2V5",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
        assert path.startswith(opening.open_store(path, settings).root)


# ---- streams --------------------------------------------------------------------------------------------------------


def stream(spark: SparkSession, path: str, checkpoint: Path, found: list[list[int]], **options: Any) -> Any:
    reader = spark.readStream.schema("n int").options(**options)
    writer = reader.json(path).writeStream.option("checkpointLocation", str(checkpoint))
    return writer.foreachBatch(lambda frame, _: found.append(sorted(row.n for row in frame.collect())))


def test_a_stream_takes_each_object_once(spark: SparkSession, bucket: ObjectStore, tmp_path: Path) -> None:
    for n in range(3):
        put(bucket, f"in/{n}.json", {"n": n})
    found: list[list[int]] = []
    writer = stream(spark, f"{bucket.root}/in", tmp_path / "c", found, maxFilesPerTrigger=2)
    writer.trigger(availableNow=True).start().awaitTermination()
    assert found == [[0, 1], [2]]
    first = (tmp_path / "c/sources/0/0").read_text().splitlines()
    assert first[0] == "v1" and json.loads(first[1])["path"] == f"{bucket.root}/in/0.json"
    put(bucket, "in/00.json", {"n": 9})  # before all others by name
    query = writer.trigger(processingTime="0 seconds").start()
    query.processAllAvailable()
    put(bucket, "in/000.json", {"n": 8})
    query.processAllAvailable()
    query.stop()
    assert found[2:] == [[9], [8]]
    assert not [path for path in originals.values() if path.startswith(bucket.root)]


def test_waiting_objects_are_copied_ahead(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        put(bucket, f"in/{n}.json", {"n": n})
    all_fetched = threading.Event()
    fetched: list[str] = []
    fetch = ObjectStore.fetch

    def noted(self: ObjectStore, path: str, local: str) -> None:
        fetch(self, path, local)
        fetched.append(path)
        if len(fetched) == 4:
            all_fetched.set()

    monkeypatch.setattr(ObjectStore, "fetch", noted)
    reader = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(f"{bucket.root}/in")
    ahead: list[bool] = []
    writer = reader.writeStream.foreachBatch(lambda frame, _: ahead.append(all_fetched.wait(20)))
    writer.option("checkpointLocation", str(tmp_path)).trigger(availableNow=True).start().awaitTermination()
    assert ahead == [True] * 4 and len(fetched) == len(set(fetched)) == 4


def test_a_stream_without_a_trigger_looks_by_itself(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_discovery, "LOOK_INTERVAL_S", 0.01)
    put(bucket, "in/0.json", {"n": 0})
    arrived = threading.Event()
    reader = spark.readStream.schema("n int").json(f"{bucket.root}/in")
    writer = reader.writeStream.foreachBatch(lambda frame, number: arrived.set() if number else None)
    query = writer.option("checkpointLocation", str(tmp_path)).start()
    query.processAllAvailable()
    put(bucket, "in/1.json", {"n": 1})
    assert arrived.wait(20)
    query.stop()


def test_a_batch_again_reads_the_same_objects(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        put(bucket, f"in/{n}.json", {"n": n})
    found: list[list[int]] = []
    writer = stream(spark, f"{bucket.root}/in", tmp_path, found).trigger(availableNow=True)
    writer.start().awaitTermination()
    (tmp_path / "commits/0").unlink()
    put(bucket, "in/3.json", {"n": 3})
    bucket.delete([f"{bucket.root}/in/1.json"])
    with caplog.at_level(logging.WARNING):
        writer.start().awaitTermination()
    assert found == [[0, 1, 2], [0, 2], [3]]
    assert f"{bucket.root}/in/1.json was taken for a batch and is gone" in caplog.text


def test_partitions_and_patterns_in_a_stream(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path
) -> None:
    put(bucket, "t/k=1/a.json", {"n": 1})
    put(bucket, "t/k=2/b.json", {"n": 2})
    put(bucket, "t/_tmp/k=3/c.json", {"n": 3})
    reader = spark.readStream.schema("n int, k int")
    results = {}
    for name, path in {"whole": "t", "pattern": "t/k=[2-9]", "names": "t/*/a*"}.items():
        query = reader.json(f"{bucket.root}/{path}").writeStream.format("memory").queryName(name)
        query.option("checkpointLocation", str(tmp_path / name)).trigger(
            availableNow=True
        ).start().awaitTermination()
        results[name] = rows(spark.table(name))
    assert results == {"whole": [(1, 1), (2, 2)], "pattern": [(2, None)], "names": [(1, None)]}


def test_names_that_sort_by_time_are_listed_from_the_last_one(s3: S3, bucket: ObjectStore) -> None:
    asked: list[str | None] = []
    listed = bucket._listed

    def noted(directory: str, after: str | None) -> Any:
        asked.append(after)
        return listed(directory, after)

    bucket._listed = noted  # type: ignore[method-assign]
    seen = SeenFiles(None)
    discovery = ObjectDiscovery(
        bucket, f"{bucket.root}/in", ListingOptions(), seen, bases=None, names_sort_by_time=True,
    )  # fmt: skip

    def look() -> list[str]:
        discovery.look()
        found = sorted(discovery.new_files(), key=lambda file: file.path)
        for file in found:
            discovery.taken(file)
        return [file.name for file in found]

    put(bucket, "in/2.json", {})
    put(bucket, "in/3.json", {})
    assert look() == ["2.json", "3.json"]
    put(bucket, "in/1.json", {})
    put(bucket, "in/4.json", {})
    assert look() == ["4.json"]
    discovery._next_audit = 0.0  # what did not sort is found by a whole listing
    assert look() == ["1.json"]
    assert look() == []
    last = f"{bucket.root}/in/4.json"
    assert asked == [None, f"{bucket.root}/in/3.json", None, last]


def test_what_a_stream_of_objects_cannot_do(spark: SparkSession, bucket: ObjectStore, tmp_path: Path) -> None:
    put(bucket, "in/0.json", {"n": 0})
    writer = stream(spark, f"{bucket.root}/in", tmp_path, [], cleanSource="delete")
    with pytest.raises((PySparkException, StreamingQueryException), match="cleanSource"):
        writer.trigger(availableNow=True).start().awaitTermination()


# ---- writing --------------------------------------------------------------------------------------------------------


def names(bucket: ObjectStore, directory: str) -> list[str]:
    start = len(f"{bucket.root}/{directory}/")
    return sorted(found.path[start:] for found in bucket._listed(f"{bucket.root}/{directory}", None))


def test_a_frame_is_written(spark: SparkSession, bucket: ObjectStore) -> None:
    path = f"{bucket.root}/out"
    frame = spark.sql("SELECT id AS n, id % 2 AS k FROM range(4)")
    frame.write.partitionBy("k").json(path)
    assert [name.partition("part-")[0] for name in names(bucket, "out")] == ["_SUCCESS", "k=0/", "k=1/"]
    assert rows(spark.read.json(path)) == [(0, 0), (1, 1), (2, 0), (3, 1)]
    found = error(lambda: frame.write.json(path))
    assert found.getCondition() == "PATH_ALREADY_EXISTS" and path in str(found)
    frame.write.mode("ignore").json(path)
    frame.write.mode("append").partitionBy("k").json(path)
    assert spark.read.json(path).count() == 8
    dynamic = frame.where("k = 1").write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
    dynamic.partitionBy("k").json(path)
    assert rows(spark.read.json(path)) == [(0, 0), (0, 0), (1, 1), (2, 0), (2, 0), (3, 1)]
    frame.write.mode("overwrite").parquet(path)
    assert [name[:5] for name in names(bucket, "out")] == ["_SUCC", "part-"]
    assert rows(spark.read.parquet(path)) == [(0, 0), (1, 1), (2, 0), (3, 1)]
    with pytest.raises(PySparkException, match="being read from"):
        spark.read.parquet(path).write.mode("overwrite").parquet(path)


def test_a_write_that_fails_leaves_what_was_there(
    spark: SparkSession, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{bucket.root}/out"
    spark.range(1).write.json(path)
    before = names(bucket, "out")
    put_object = ObjectStore.put
    left = [1]

    def failing(self: ObjectStore, path: str, local: str) -> None:
        if not left:
            raise objects._failed(self.root, path, "error sending request")
        left.pop()
        put_object(self, path, local)

    monkeypatch.setattr(ObjectStore, "put", failing)
    frame = spark.sql("SELECT id AS n, id AS k FROM range(3)")
    found = error(lambda: frame.write.mode("overwrite").partitionBy("k").json(path))
    assert found.getCondition() == "LIGHTSTREAM_STORE_UNREACHABLE"
    assert names(bucket, "out") == before


def test_the_file_sink_and_its_readers(spark: SparkSession, bucket: ObjectStore, tmp_path: Path) -> None:
    for n in range(4):
        put(bucket, f"in/{n}.json", {"n": n})
    source = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(f"{bucket.root}/in")
    out = f"{bucket.root}/out x"
    spark.conf.set("spark.sql.streaming.fileSink.log.compactInterval", "3")
    try:
        for _ in range(2):
            writer = source.writeStream.format("json").option("checkpointLocation", str(tmp_path / "c"))
            writer.trigger(availableNow=True).start(out).awaitTermination()
            put(bucket, "in/4.json", {"n": 4})
    finally:
        spark.conf.unset("spark.sql.streaming.fileSink.log.compactInterval")
    log = [name for name in names(bucket, "out x") if name.startswith("_spark")]
    assert log == [f"_spark_metadata/{name}" for name in ("0", "1", "2.compact", "3", "4")]
    entry = bucket.read(f"{out}/_spark_metadata/4").decode().splitlines()
    assert entry[0] == "v1"
    values = json.loads(entry[1])
    assert values["path"].startswith(f"{bucket.root}/out%20x/part-00000-") and values["size"] == 8
    bucket.write(f"{out}/part-stray.json", b'{"n": 99}')  # the log does not name it
    assert rows(spark.read.schema("n int").json(out)) == [(n,) for n in range(5)]
    read: list[list[int]] = []
    writer = stream(spark, out, tmp_path / "d", read)
    query = writer.start()
    query.processAllAvailable()
    put(bucket, "in/5.json", {"n": 5})
    again = source.writeStream.format("json").option("checkpointLocation", str(tmp_path / "c"))
    again.trigger(availableNow=True).start(out).awaitTermination()
    query.processAllAvailable()
    query.stop()
    assert read == [[0, 1, 2, 3, 4], [5]]


def test_a_sink_without_a_bucket(spark: SparkSession, bucket: ObjectStore, tmp_path: Path) -> None:
    put(bucket, "in/0.json", {"n": 0})
    writer = spark.readStream.schema("n int").json(f"{bucket.root}/in").writeStream.format("json")
    writer = writer.option("checkpointLocation", str(tmp_path))
    found = error(lambda: writer.start("s3a://no-such-bucket/out"))
    assert found.getCondition() == "LIGHTSTREAM_BUCKET_NOT_FOUND"
    found = error(lambda: spark.range(1).write.json("s3a://no-such-bucket/out"))
    assert found.getCondition() == "LIGHTSTREAM_BUCKET_NOT_FOUND"


# ---- checkpoints ----------------------------------------------------------------------------------------------------


def copied(spark: SparkSession, bucket: ObjectStore, checkpoint: str, out: str) -> Any:
    source = spark.readStream.schema("n int").option("maxFilesPerTrigger", 1).json(f"{bucket.root}/in")
    writer = source.writeStream.format("json").option("checkpointLocation", checkpoint)
    return writer.trigger(availableNow=True).start(out)


def text_of(entry: bytes, root: str) -> str:
    """Return a log entry without what is different each time."""
    text = re.sub(
        r'"(batchTimestampMs|modificationTime|timestamp|id)":("[^"]*"|\d+)', r'"\1":0', entry.decode()
    )
    return re.sub(r"part-00000-[0-9a-f-]+", "part", text).replace(root, "ROOT")


def test_a_checkpoint_in_a_store_is_as_on_disk(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path
) -> None:
    for n in range(3):
        put(bucket, f"in/{n}.json", {"n": n})
    checkpoint, out = f"{bucket.root}/c", f"{bucket.root}/out"
    copied(spark, bucket, checkpoint, out).awaitTermination()
    first = bucket.read(f"{checkpoint}/metadata")
    put(bucket, "in/3.json", {"n": 3})
    copied(spark, bucket, checkpoint, out).awaitTermination()
    assert bucket.read(f"{checkpoint}/metadata") == first  # one query
    assert rows(spark.read.schema("n int").json(out)) == [(n,) for n in range(4)]
    copied(spark, bucket, str(tmp_path / "c"), f"{bucket.root}/other").awaitTermination()
    local = {
        str(file.relative_to(tmp_path / "c")): text_of(file.read_bytes(), "/other")
        for file in (tmp_path / "c").rglob("*")
        if file.is_file() and file.name != ".lightstream.lock"
    }
    assert names(bucket, "c") == sorted(local)
    assert {name: text_of(bucket.read(f"{checkpoint}/{name}"), "/out") for name in local} == local


def test_a_second_query_on_a_checkpoint_is_refused(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path
) -> None:
    put(bucket, "in/0.json", {"n": 0})
    checkpoint = f"{bucket.root}/c"
    query = copied(spark, bucket, checkpoint, f"{bucket.root}/out")
    query.awaitTermination()
    source = spark.readStream.schema("n int").json(f"{bucket.root}/in")
    writer = source.writeStream.format("noop").option("checkpointLocation", checkpoint)
    query = writer.start()
    query.processAllAvailable()
    bucket.write(f"{checkpoint}/offsets/1", b"of another process")
    put(bucket, "in/1.json", {"n": 1})
    with pytest.raises(StreamingQueryException) as caught:
        query.processAllAvailable()
    assert "CONCURRENT_STREAM_LOG_UPDATE" in str(caught.value) and f"{checkpoint}/offsets/1" in str(
        caught.value
    )
    assert bucket.read(f"{checkpoint}/offsets/1") == b"of another process"


def test_checkpoints_that_a_store_cannot_have(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path
) -> None:
    put(bucket, "in/0.json", {"n": 0})
    source = spark.readStream.schema("n int").json(f"{bucket.root}/in")
    checkpoint = f"{bucket.root}/c"

    def start(frame: Any, place: str, mode: str = "append") -> Any:
        writer = frame.writeStream.format("noop").outputMode(mode).option("checkpointLocation", place)
        return writer.trigger(availableNow=True).start()

    found = error(lambda: start(source.groupBy("n").count(), checkpoint, "complete"))
    assert found.getCondition() == "LIGHTSTREAM_UNSUPPORTED" and checkpoint in str(found)
    assert "query with state" in str(found) and names(bucket, "c") == []
    found = error(lambda: start(source, "s3a://no-such-bucket/c"))
    assert found.getCondition() == "LIGHTSTREAM_BUCKET_NOT_FOUND"
    assert error(lambda: start(source, "hdfs://host/c")).getCondition() == "LIGHTSTREAM_UNSUPPORTED"
    start(source, checkpoint).awaitTermination()
    bucket.write(f"{checkpoint}/state/state.duckdb", b"of a query with state")
    with pytest.raises(PySparkException, match="STATEFUL_OPERATOR_NOT_MATCH"):
        start(source, checkpoint).awaitTermination()
    bucket.delete([f"{checkpoint}/metadata"])
    found = error(lambda: start(source, checkpoint))
    assert found.getCondition() == "STREAMING_CHECKPOINT_MISSING_METADATA_FILE" and checkpoint in str(found)


def test_a_damaged_entry_is_named_as_it_is_called(spark: SparkSession, bucket: ObjectStore) -> None:
    put(bucket, "in/0.json", {"n": 0})
    checkpoint = f"{bucket.root}/c"
    copied(spark, bucket, checkpoint, f"{bucket.root}/out").awaitTermination()
    bucket.write(f"{checkpoint}/offsets/0", b"v1\nno json")
    with pytest.raises(PySparkException, match="DAMAGED") as caught:
        copied(spark, bucket, checkpoint, f"{bucket.root}/out").awaitTermination()
    assert f"{checkpoint}/offsets/0" in str(caught.value)


def test_a_checkpoint_in_a_store_is_shown(
    spark: SparkSession, s3: S3, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    put(bucket, "in/0.json", {"n": 0})
    checkpoint = f"{bucket.root}/c"
    copied(spark, bucket, checkpoint, f"{bucket.root}/out").awaitTermination()
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    assert commands.show(checkpoint, 10, as_json=False) == 0
    said = capsys.readouterr().out
    assert f"checkpoint  {checkpoint}\n" in said and "1 files seen" in said
    bucket.delete([f"{checkpoint}/offsets/0"])
    assert commands.verify(checkpoint) == 1
    assert f"{checkpoint}/offsets/0" in capsys.readouterr().err
    found = error(lambda: commands.show(f"{bucket.root}/none", 10, as_json=False))
    assert found.getCondition() == "LIGHTSTREAM_CHECKPOINT_NOT_FOUND" and bucket.root in str(found)
    assert error(lambda: commands.rewind(checkpoint, 0)).getCondition() == "LIGHTSTREAM_UNSUPPORTED"


def test_settings_through_the_jvm(s3: S3, bucket: ObjectStore) -> None:
    put(bucket, "in/0.json", {"n": 0})
    session = SparkSession.builder.getOrCreate().newSession()
    keys = session.sparkContext._jsc.hadoopConfiguration()
    for name, value in s3.settings.items():
        keys.set(name, value)
    assert keys.get("fs.s3a.access.key") == "tester"
    assert rows(session.read.json(f"{bucket.root}/in")) == [(0,)]
    assert rows(session.sql(f"SELECT * FROM json.`{bucket.root}/in`")) == [(0,)]


# ---- Delta tables ---------------------------------------------------------------------------------------------------


def test_delta_tables_take_the_same_settings(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path
) -> None:
    pytest.importorskip("deltalake")
    table = f"{bucket.root}/table"
    spark.sql("SELECT 1 AS n").write.format("delta").save(table)
    spark.sql("SELECT 2 AS n").write.format("delta").mode("append").save(table)
    assert rows(spark.read.format("delta").load(table)) == [(1,), (2,)]
    assert rows(spark.read.format("delta").option("versionAsOf", 0).load(table)) == [(1,)]
    found: list[list[int]] = []
    for _ in range(2):
        stream = spark.readStream.format("delta").load(table)
        writer = stream.writeStream.format("delta").option("checkpointLocation", f"{bucket.root}/c")
        writer.trigger(availableNow=True).start(f"{bucket.root}/copy").awaitTermination()
        found.append([n for (n,) in rows(spark.read.format("delta").load(f"{bucket.root}/copy"))])
        spark.sql("SELECT 3 AS n").write.format("delta").mode("append").save(table)
    assert found == [[1, 2], [1, 2, 3]]


def test_what_is_not_there_keeps_nothing_from_being_deleted(tmp_path: Path) -> None:
    from obstore.store import LocalStore  # which stops there, as some stores do

    store = ObjectStore("s3a://b", LocalStore(str(tmp_path)))
    names = [f"s3a://b/d/{number:02}" for number in range(40)]
    for name in names:
        store.write(name, b"x")
    store.delete([names[0], "s3a://b/d/none", *names[1:]])
    assert not list(store.objects("s3a://b/d"))
