# Sourced by the scripts beside it, with $root set. Gives `set_up PART` and $python; POSIX sh, prints only to stderr.
#
# PART is `runtime` (what the server needs) or `all` (also what developing it needs): the two parts of
# requirements.lock. The check that nothing is to be done starts no Python unless $PYTHON is set.

environment=${QUARTERDECK_VENV:-$root/.venv}
python=$environment/bin/python
# The caller's Python settings are for the caller's programs: another project's modules must not shadow ours,
# and without bytecode files every start would compile everything again.
unset PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONDONTWRITEBYTECODE PYTHONSTARTUP

fail() {
    echo "quarterdeck: $*" >&2
    exit 1
}

part_of_lock() {
    if [ "$1" = all ]; then cat "$root/requirements.lock"; else sed '/^# ---- development only/,$d' "$root/requirements.lock"; fi
}

base_of() { "$1" -I -S -c 'import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null; }

# A stamp says where the environment was made (a moved one has wrong paths in it), from which interpreter, from what lock.
is_current() {
    stamp=$environment/installed-$1
    [ -x "$python" ] && [ -f "$stamp" ] || return 1
    { read -r made_in && read -r made_from; } <"$stamp" || return 1
    if [ -n "${PYTHON:-}" ]; then made_from=$(base_of "$PYTHON") || made_from=; fi
    { printf '%s\n%s\n' "$environment" "$made_from" && part_of_lock "$1"; } | cmp -s - "$stamp"
}

# Really runs the candidate: version shims and stores' stubs are on the PATH and fail.
is_usable() {
    "$1" -I -c 'import importlib.util as u, shutil, sys, venv
sys.exit(sys.version_info < (3, 11) or not (shutil.which("uv") or u.find_spec("ensurepip") or u.find_spec("pip")))' \
        >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_usable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer with venv and pip. Unset it or name another."
        echo "$PYTHON"
        return
    fi
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        if is_usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer with venv and pip (Debian, Ubuntu: apt install python3 python3-venv python3-pip). Install it, or name one in PYTHON."
}

set_up() {
    if is_current "$1"; then return; fi
    if [ "$1" = runtime ] && is_current all; then return; fi
    command -v git >/dev/null 2>&1 || fail "needs git on the PATH. Install it and start again."
    interpreter=$(find_python) || exit 1
    "$interpreter" -I "$root/bin/environment.py" "$environment" "$1" || exit 1
}
