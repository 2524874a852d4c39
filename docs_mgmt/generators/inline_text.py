"""Any text as Markdown that shows it, on one line, and back again: exactly, whatever is in it.

What people have written themselves is read as they meant it: an escape is what it stands for, all else is as it is.
"""

import re
from collections.abc import Iterator, Sequence

_SPECIAL = re.compile(r"[\\`*_\[\]>&#~$|]")
_ODD = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
"""Control characters and other ends of lines."""
_ODD_IN_LINES = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_SURROGATES = re.compile("[\\ud800-\\udfff]")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])|&#([0-9]{1,7});|&(lt|gt|amp|quot);")
_CODE = re.compile(r"[\w./ @+=,:()\[\]{}*#~$|&'\"!?;%^-]+")
_HIDDEN = re.compile(r"&((?:amp;)*)(lt;!|#[0-9]{1,7};)")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_LARGEST = 0x10FFFF


def escaped(text: str) -> str:
    """On one line, without markup: backslashes before what means something, numbers for what no line can hold."""
    plain = _SPECIAL.sub(r"\\\g<0>", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)).replace("<", "&lt;")
    return _ends_kept(_ODD.sub(_numbered, plain))


def unescaped(text: str) -> str:
    """What `escaped` was given."""
    return _ESCAPE.sub(_plain, text)


def code(text: str) -> str:
    """The same for names of files and branches: as code, where nothing has to be escaped, if that can hold them."""
    return f"`{text}`" if _CODE.fullmatch(text) and text == text.strip() else escaped(text)


def read_text(text: str) -> str:
    """What `escaped` or `code` was given."""
    text = text.strip()
    is_code = len(text) > 2 and text[0] == text[-1] == "`" and "`" not in text[1:-1]
    return text[1:-1] if is_code else unescaped(text)


def quoted(text: str) -> Iterator[str]:
    """Lines of a quote with the text's own markup; but no comment can begin in it."""
    whole = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
    hidden = _HIDDEN.sub(r"&amp;\1\2", whole).replace("<!", "&lt;!")
    for line in _ODD_IN_LINES.sub(_numbered, hidden).split("\n"):
        yield f"> {_end_kept(line)}" if line else ">"


def unquoted(lines: Sequence[str]) -> str:
    """What `quoted` was given, of the lines without their marks."""
    return _HIDDEN.sub(_shown, "\n".join(lines))


def _numbered(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _ends_kept(text: str) -> str:
    """Blanks at either end would be lost in Markdown."""
    if text[:1].isspace():
        text = f"&#{ord(text[0])};{text[1:]}"
    return _end_kept(text)


def _end_kept(text: str) -> str:
    return f"{text[:-1]}&#{ord(text[-1])};" if text[-1:].isspace() else text


def _plain(match: re.Match[str]) -> str:
    character, number, name = match.groups()
    if character is not None:
        return str(character)
    return _NAMED[name] if name else _character(number, match[0])


def _shown(match: re.Match[str]) -> str:
    depth, what = match.groups()
    if depth:
        return f"&{depth[4:]}{what}"
    return "<!" if what == "lt;!" else _character(what[1:-1], match[0])


def _character(number: str, written: str) -> str:
    """Of numbers that are none of a character, what stands there; surrogates cannot be sent."""
    if int(number) > _LARGEST:
        return written
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", chr(int(number)))
