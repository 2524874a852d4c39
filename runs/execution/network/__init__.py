"""The way out of a sandbox to named hosts: an HTTP proxy on a unix socket that lets nothing else through."""
