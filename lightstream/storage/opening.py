"""Opening an object store with the settings that Spark's programs have: `spark.hadoop.fs.s3a.*` and their like.

What is not set there comes from the environment (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_KEY` ...), as obstore reads it.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

from lightstream.errors import IllegalArgumentException, missing_package, unsupported
from lightstream.storage.objects import ObjectStore
from lightstream.storage.paths import is_remote, normal, split
from lightstream.storage.settings import Settings

StorageOptions = dict[str, str] | None
"""A store's settings as deltalake takes them."""

_AWS = re.compile(r"s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?")
_LOCAL = re.compile(r"localhost|\[.*\]|[\d.]+")
_RETRIES = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
}
_CLIENT = {"connect_timeout": timedelta(seconds=5), "read_timeout": timedelta(seconds=60)}
# No limit for a whole object: what counts is that bytes keep coming.
_WHOLE = timedelta(hours=12)


def open_store(path: str, settings: Settings) -> ObjectStore:
    """Return the store that a normal path is in; nothing is asked of it yet.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
        UnsupportedOperationException: a setting that would change what is stored, or who asks.
        IllegalArgumentException: a setting cannot be.
    """
    try:
        from obstore.exceptions import BaseError
    except ImportError:
        raise missing_package("An object store", "obstore", "cloud") from None
    root, _ = split(path)
    scheme, _, bucket = root.partition("://")
    config, endpoint = _config(scheme, bucket, settings)
    try:
        return ObjectStore(root, _opened(scheme, bucket, config, endpoint))
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise IllegalArgumentException(
            "LIGHTSTREAM_STORE_SETTINGS",
            f"{root} cannot be opened: {reason}. Check the settings of the store.",
        ) from error


def storage_options(path: str, settings: Settings) -> StorageOptions:
    """Return the settings for the store of a path as deltalake takes them; None where there are none."""
    if not is_remote(path) or not settings:
        return None
    root, _ = split(normal(path))
    scheme, _, bucket = root.partition("://")
    config, endpoint = _config(scheme, bucket, settings)
    if endpoint.startswith("http://"):
        config["allow_http"] = True
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in config.items()}


def _config(scheme: str, bucket: str, settings: Settings) -> tuple[dict[str, Any], str]:
    """Return the settings of a store as the library has them, and the endpoint where it is not the store's own."""
    if scheme in ("s3", "s3a"):
        return _amazon(bucket, settings)
    return _google(settings) if scheme == "gs" else _azure(bucket, settings)


def _amazon(bucket: str, settings: Settings) -> tuple[dict[str, Any], str]:
    def setting(name: str) -> str | None:
        return settings.get(f"fs.s3a.bucket.{bucket}.{name}") or settings.get(f"fs.s3a.{name}")

    for name in ("encryption.algorithm", "server-side-encryption-algorithm"):
        if setting(name):
            raise unsupported(f"The setting fs.s3a.{name}", "Set the encryption for the bucket.")
    config: dict[str, Any] = {
        ours: value
        for ours, theirs in (
            ("access_key_id", "access.key"),
            ("secret_access_key", "secret.key"),
            ("session_token", "session.token"),
            ("region", "endpoint.region"),
        )
        if (value := setting(theirs))
    }
    provider = setting("aws.credentials.provider") or ""
    if "AnonymousAWSCredentialsProvider" in provider:
        config["skip_signature"] = True
    elif "AssumedRole" in provider:
        raise unsupported(
            "The credentials provider AssumedRoleCredentialProvider", "Give the role's own keys."
        )
    endpoint = setting("endpoint")
    if endpoint:
        if "://" not in endpoint:
            plain = (setting("connection.ssl.enabled") or "true").lower() == "false"
            endpoint = f"http{'' if plain else 's'}://{endpoint}"
        scheme, _, host = endpoint.rstrip("/").partition("://")
        amazon = _AWS.fullmatch(host)
        in_path = (setting("path.style.access") or "false").lower() == "true"
        if amazon is not None:
            if amazon["region"]:
                config.setdefault("region", amazon["region"])
            config["virtual_hosted_style_request"] = not in_path
        elif in_path or _LOCAL.fullmatch(host.partition(":")[0]):
            config |= {"endpoint": f"{scheme}://{host}", "virtual_hosted_style_request": False}
        else:
            config |= {"endpoint": f"{scheme}://{bucket}.{host}", "virtual_hosted_style_request": True}
    if not any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")):
        config.setdefault("region", "us-east-1")
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return config, config.get("endpoint") or next(
        (os.environ[name] for name in names if os.environ.get(name)), ""
    )


def _google(settings: Settings) -> tuple[dict[str, Any], str]:
    config: dict[str, Any] = {}
    for name in ("fs.gs.auth.service.account.json.keyfile", "google.cloud.auth.service.account.json.keyfile"):
        if settings.get(name):
            config["service_account"] = settings[name]
    root = settings.get("fs.gs.storage.root.url", "")
    if root:
        config["base_url"] = root.rstrip("/")
    if settings.get("fs.gs.auth.type", "").upper() == "UNAUTHENTICATED":
        config["skip_signature"] = True
    return config, root


def _azure(container: str, settings: Settings) -> tuple[dict[str, Any], str]:
    config: dict[str, Any] = {}
    _, at, host = container.partition("@")
    if at:  # abfss://container@account.dfs.core.windows.net
        config["account_name"] = host.partition(".")[0]
        key = settings.get(f"fs.azure.account.key.{host}") or settings.get("fs.azure.account.key")
        if key:
            config["account_key"] = key
        token = settings.get(f"fs.azure.sas.fixed.token.{host}") or settings.get("fs.azure.sas.fixed.token")
        if token:
            config["sas_key"] = token
    if os.environ.get("AZURE_STORAGE_USE_EMULATOR", "").lower() in ("1", "true"):
        return config, "http://"
    return config, os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT") or ""


def _opened(scheme: str, bucket: str, config: dict[str, Any], endpoint: str) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    makers: dict[str, Any] = {"s3": S3Store, "s3a": S3Store, "gs": GCSStore}
    make = makers.get(scheme, AzureStore)
    name = bucket.partition("@")[0]
    return make(name, config=config, client_options=_client(endpoint), retry_config=_RETRIES)


def _client(endpoint: str) -> dict[str, Any]:
    return {**_CLIENT, "timeout": _WHOLE, "allow_http": endpoint.startswith("http://")}
