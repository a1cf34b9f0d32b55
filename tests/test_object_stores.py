"""Object stores as source, against an S3 of the test's own."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3, running

from lightstream.errors import PySparkException, StreamingQueryException
from lightstream.sources import object_discovery
from lightstream.sources.file_options import ListingOptions
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
    with running() as found:
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
    bucket.write(f"{bucket.root}/c/c.csv.gz", __import__("gzip").compress(b"a,b\n1,x\n"))
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
        ("503: <Code>SlowDown</Code><Message>Please reduce your request rate.</Message>", "FAILED"),
    ],
)
def test_what_stores_answer(answer: str, condition: str) -> None:
    assert condition in str(objects._failed("s3://b", "s3://b/k", answer).getCondition())


def test_the_package_is_missing(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    found = error(lambda: spark.read.json("s3a://bucket/in"))
    assert found.getCondition() == "LIGHTSTREAM_MISSING_PACKAGE"
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


def test_a_stream_without_a_trigger_looks_by_itself(
    spark: SparkSession, bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_discovery, "LOOK_INTERVAL_S", 0.01)
    put(bucket, "in/0.json", {"n": 0})
    arrived = __import__("threading").Event()
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
