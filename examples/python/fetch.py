# Beside ../fetch.c: saving a web page.

import http.client, sys
from urllib.parse import urlsplit


def save(r, path):
    with open(path, "wb") as f:
        while part := r.read(16384):
            f.write(part)


def fetch(text, path):
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname:
        sys.exit(f"fetch: {text} is no http:// address")
    h = http.client.HTTPConnection(url.netloc, timeout=30)
    try:
        target = (url.path or "/") + ("?" + url.query if url.query else "")
        h.request("GET", target, headers={"User-Agent": "fetch"})
        r = h.getresponse()
        print(r.status, r.reason)
        if r.status != 200:
            sys.exit("fetch: the server refused")
        save(r, path)
    except (OSError, http.client.HTTPException) as e:
        sys.exit(f"fetch: {e}")
    finally:
        h.close()


if len(sys.argv) != 3:
    sys.exit("usage: fetch http://HOST/PATH FILE")
fetch(sys.argv[1], sys.argv[2])
