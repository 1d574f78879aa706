#!/bin/sh
# `import aiohttp.web` alone reads the system's certificate authorities: a TLS context is made when aiohttp.connector is
# imported, though a server on a local socket never dials anybody. It took 0.13 s of 0.3 s, and 1.7 MB of memory. With
# SSL_CERT_FILE and SSL_CERT_DIR at /dev/null none are read. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet aiohttp==3.14.5 2>/dev/null
cat > "$folder/look.py" <<'PY'
import ssl

contexts = []
real = ssl.create_default_context


def made(*args, **named):
    contexts.append(real(*args, **named))
    return contexts[-1]


ssl.create_default_context = made
import aiohttp.web

print(aiohttp.__version__, len(contexts), max((len(one.get_ca_certs()) for one in contexts), default=0))
PY
found=$("$folder/env/bin/python" "$folder/look.py")
without=$(SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/dev/null "$folder/env/bin/python" "$folder/look.py")
echo "aiohttp, contexts made by import aiohttp.web, authorities read: $found; with /dev/null: $without"
set -- $found
test "$2" -ge 1 && test "$3" -gt 0 || { echo "importing aiohttp.web reads no authorities now"; exit 1; }
set -- $without
test "$3" -eq 0
