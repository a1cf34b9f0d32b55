# Sourced by scripts/demo and scripts/test: puts the versions of uv.lock into .venv, with nothing at hand but Python
# 3.11 or newer and pip. The sourcing script has set `root`, the checkout.

uv_version=0.13.9
tools=$root/.tools
venv=$root/.venv

say() {
    printf 'lightstream: %s\n' "$*" >&2
}

stop() {
    say "$*"
    exit 3
}

# Sets `python` to a Python that is new enough; $PYTHON is tried first.
find_python() {
    for python in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$("$python" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    stop "this needs Python 3.11 or newer, and there is none on the PATH. Debian 12: apt-get install python3 python3-pip"
}

# Sets `uv` to the installer, which lives in .tools so that it can make and change .venv.
find_uv() {
    uv=$tools/bin/uv
    if [ -x "$uv" ] && [ "$(cat "$tools/version" 2>/dev/null)" = "$uv_version" ]; then
        return
    fi
    rm -rf "$tools"
    say "fetching the installer uv $uv_version from PyPI"
    if "$python" -m pip --version >/dev/null 2>&1; then
        PIP_USER=0 PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check \
            --no-input --target "$tools" "uv==$uv_version" || stop "pip could not fetch uv from PyPI; see above"
    elif "$python" -m venv "$tools" >/dev/null 2>&1; then
        "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "uv==$uv_version" ||
            stop "pip could not fetch uv from PyPI; see above"
    else
        rm -rf "$tools"
        stop "$python has neither pip nor venv. Debian: apt-get install python3-pip"
    fi
    printf '%s\n' "$uv_version" >"$tools/version"
}

# prepare NAME [OPTIONS OF uv sync]: install once for each state of uv.lock and pyproject.toml.
prepare() {
    name=$1
    shift
    unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
    find_python
    # Another lock, other dependencies, another Python or another place of the checkout: install again.
    state=$(cd "$root" && { cat uv.lock pyproject.toml scripts/prepare.sh; echo "$python $root $*"; } | cksum)
    if [ -x "$venv/bin/lightstream" ] && [ "$(cat "$venv/.installed-$name" 2>/dev/null)" = "$state" ]; then
        return
    fi
    find_uv
    export UV_PROJECT_ENVIRONMENT="$venv" UV_PYTHON="$python" UV_PYTHON_DOWNLOADS=never
    if [ -s /etc/ssl/certs/ca-certificates.crt ]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" # the certificates that pip goes by
    fi
    say "installing into .venv (once)"
    (cd "$root" && "$uv" sync --locked --inexact "$@") || with_pip "$@"
    printf '%s\n' "$state" >"$venv/.installed-$name"
}

# The same versions through pip, for machines whose way to PyPI only pip knows (a mirror in pip.conf, say).
with_pip() {
    say "uv could not install; trying pip"
    export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
    (cd "$root" && from_lock "$@") || stop "the dependencies could not be installed; see above"
}

from_lock() {
    "$uv" export --quiet --frozen --no-emit-project --no-hashes --output-file "$tools/requirements.txt" "$@" &&
        "$uv" venv --quiet --allow-existing "$venv" &&
        "$python" -m pip --python "$venv/bin/python" install --quiet --no-input -r "$tools/requirements.txt" &&
        "$python" -m pip --python "$venv/bin/python" install --quiet --no-input --no-deps --editable .
}
