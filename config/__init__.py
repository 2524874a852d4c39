"""The site: settings, routes, the ASGI application and the server that runs them."""
