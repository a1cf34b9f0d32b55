"""One file a command; `app` puts them together."""
