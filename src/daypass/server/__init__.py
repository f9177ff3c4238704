"""The CA over HTTP: bytes and status codes outside, `model` and `errors` inside.

`app.build` and `app.build_admin` make the two applications out of `api.ROUTES`; `serve.run` puts them on a TLS
port and on the administration socket. This is the only room that knows status codes.
"""
