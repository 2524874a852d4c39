"""The sentence that a file says of itself first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.purposes import MAX_PURPOSE_LENGTH, purpose_of

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("language", "content", "purpose"),
    [
        ("python", b'#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"""Makes things. And more."""\n', "Makes things"),
        (
            "python",
            b"# Copyright 2020 A\n# All rights reserved.\n\n# It is\n# wood.\nx = 1\n",
            "It is wood",
        ),
        ("python", b"from __future__ import annotations\n\n# Later.\n", None),
        ("javascript", b"#!/usr/bin/env node\n'use strict';\n/**\n * @file Runs it\n * @author x\n */\n", "Runs it"),
        ("javascript", b"/* eslint-disable */\nimport a from 'b';\n// Shows a list.\nconst x = 1;\n", "Shows a list"),
        (
            "go",
            b"// Copyright 2\n\n//go:build x\n\n// Package x, e.g. pages.\npackage x\n",
            "Package x, e.g. pages",
        ),
        ("rust", b"// Licensed under MIT\n//! The engine.\n", "The engine"),
        (
            "java",
            b"/*\n * Licensed to A\n */\npackage a;\nimport b.C;\n/** Makes {@link X} for <b>you</b>. */\nclass A {}",
            "Makes {@link X} for you",
        ),
        ("php", b"<?php\ndeclare(strict_types=1);\n/** Sends mail. */\n", "Sends mail"),
        ("ruby", b"# frozen_string_literal: true\n\n# Sends it.\nmodule A\n", "Sends it"),
        ("sql", b"-- The users.\nCREATE TABLE a (b int);\n", "The users"),
        ("markdown", b"---\ntitle: x\n---\n<!-- no -->\n[![badge](a)](b)\n\n# The *shop*\n\nText.\n", "The *shop"),
        ("markdown", b"# Shop [![built](a)](b)\n\nText.\n", "Shop"),
        ("markdown", b"It sells [things](http://a). Cheap.\n", "It sells things"),
        ("restructuredtext", b".. _x:\n\nQuick start\n===========\n\nText\n", "Quick start"),
        ("html", b"<!doctype html>\n<!-- The page. -->\n", "The page"),
        ("json", b'{"a": 1}', None),
        (None, b"# What is it?\n", None),
        ("python", b"x = 1\n", None),
        ("c", b"/* unfinished", "unfinished"),
        ("css", b"/*****/\n/* Colours */\n", "Colours"),
    ],
)
def test_purpose(language: str | None, content: bytes, purpose: str | None) -> None:
    assert purpose_of(content, language) == purpose


@given(st.sampled_from(["python", "go", "markdown", "html", "ruby", "text", "sql"]), st.text(max_size=500))
def test_a_purpose_is_one_short_line(language: str, text: str) -> None:
    purpose = purpose_of(f"# {text}".encode("utf-8", "replace"), language)
    assert purpose is None or (0 < len(purpose) <= MAX_PURPOSE_LENGTH and len(purpose.splitlines()) == 1)
