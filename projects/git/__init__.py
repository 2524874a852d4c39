"""Server-side Git plumbing: values in, frozen dataclasses out; knows no Django and trusts no work tree."""
