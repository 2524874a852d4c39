"""Which language a file is written in, told by its name and, where the name does not tell, by its first bytes."""

import re
from pathlib import PurePosixPath

START_BYTES = 1024
"""As much of a content's beginning as is looked at."""

TSX, HEADER, UNNAMED = "tsx", "h", ""
"""Path kinds that are no languages: TypeScript with markup, C or C++, and a name that tells nothing."""

_SUFFIXES = {
    "python": "py pyi pyw",
    "javascript": "js jsx mjs cjs",
    "typescript": "ts mts cts",
    TSX: "tsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c",
    HEADER: "h",
    "cpp": "cpp cc cxx hpp hh hxx ipp tpp inl",
    "csharp": "cs csx",
    "php": "php phtml",
    "ruby": "rb rake gemspec ru",
    "sql": "sql ddl",
    "markdown": "md markdown mdx",
    "restructuredtext": "rst",
    "text": "txt",
    "asciidoc": "adoc asciidoc",
    "yaml": "yml yaml",
    "json": "json jsonc json5 webmanifest",
    "toml": "toml",
    "ini": "ini cfg conf properties editorconfig",
    "xml": "xml xsd xsl xslt plist csproj fsproj vbproj props targets pom",
    "html": "html htm xhtml jinja jinja2 j2 hbs handlebars mustache ejs njk liquid twig",
    "erb": "erb haml slim",
    "css": "css scss sass less styl",
    "vue": "vue",
    "svelte": "svelte",
    "astro": "astro",
    "shell": "sh bash zsh fish ksh bats",
    "powershell": "ps1 psm1 psd1",
    "batch": "bat cmd",
    "prisma": "prisma",
    "graphql": "graphql gql",
    "protobuf": "proto",
    "terraform": "tf tfvars hcl",
    "kotlin": "kt kts",
    "swift": "swift",
    "scala": "scala sc sbt",
    "groovy": "groovy gradle",
    "lua": "lua",
    "perl": "pl pm t",
    "r": "r",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "haskell": "hs lhs",
    "ocaml": "ml mli",
    "clojure": "clj cljs cljc edn",
    "fsharp": "fs fsi fsx",
    "visualbasic": "vb",
    "objectivec": "m mm",
    "zig": "zig",
    "nim": "nim",
    "julia": "jl",
    "nix": "nix",
    "vim": "vim",
    "tex": "tex sty",
    "csv": "csv tsv",
    "svg": "svg",
    "diff": "diff patch",
    "notebook": "ipynb",
    "solidity": "sol",
    "cmake": "cmake",
    "make": "mk mak",
    "gettext": "po pot",
}
_NAMES = {
    "ruby": "gemfile rakefile guardfile capfile vagrantfile podfile brewfile fastfile appraisals",
    "make": "makefile gnumakefile",
    "dockerfile": "dockerfile containerfile",
    "cmake": "cmakelists.txt",
    "python": "sconstruct sconscript wscript",
    "go-module": "go.mod go.work",
    "json": ".eslintrc .babelrc .prettierrc .stylelintrc",
    "shell": ".bashrc .zshrc .profile .bash_profile",
    "ini": ".gitconfig .npmrc .flake8 .coveragerc .pylintrc",
    "text": "readme license licence copying authors contributors changelog changes notice todo",
    "ignore": ".gitignore .dockerignore .npmignore .eslintignore .prettierignore .gitattributes",
    "groovy": "jenkinsfile",
    "caddyfile": "caddyfile",
    "procfile": "procfile",
}
_INTERPRETERS = {
    "python": "python pypy",
    "javascript": "node nodejs bun",
    "typescript": "deno ts-node tsx",
    "ruby": "ruby jruby",
    "php": "php",
    "shell": "sh bash zsh dash ksh fish ash",
    "perl": "perl",
    "lua": "lua",
    "groovy": "groovy",
    "elixir": "elixir",
    "r": "rscript",
    "make": "make",
}


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: language for language, words in table.items() for word in words.split()}


_OF_SUFFIX = _by_word(_SUFFIXES)
_OF_NAME = _by_word(_NAMES)
_OF_INTERPRETER = _by_word(_INTERPRETERS)
_SHEBANG = re.compile(rb"#![ \t]*(?:\S{0,200}/)?(?:env[ \t]+(?:-\S{1,20}[ \t]+)?(?:\S{0,200}/)?)?([A-Za-z-]{1,20})")
_CPP = re.compile(rb"^[ \t]*(?:class|namespace|template|using|public|private|protected)\b|::", re.MULTILINE)


def path_kind(path: str) -> str:
    """What a name tells of the content: a language, or TSX, HEADER or UNNAMED. The rest is in the bytes."""
    name = PurePosixPath(path).name.lower()
    if name in _OF_NAME:
        return _OF_NAME[name]
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix in _OF_SUFFIX:
        return _OF_SUFFIX[suffix]
    return "dockerfile" if stem == "dockerfile" or name.startswith("dockerfile.") else UNNAMED


def language_of(kind: str, content: bytes) -> str | None:
    """The language of a content whose name is of this path kind; None where neither name nor shebang tells it."""
    start = content[:START_BYTES]
    if kind == TSX:
        return "typescript"
    if kind == HEADER:
        return "cpp" if _CPP.search(start) else "c"
    return kind or _by_shebang(start)


def _by_shebang(start: bytes) -> str | None:
    found = _SHEBANG.match(start)
    return _OF_INTERPRETER.get(found.group(1).decode().lower().rstrip("-")) if found else None
