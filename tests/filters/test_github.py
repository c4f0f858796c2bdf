"""The rules for source files: headers language by language, numbers and verdicts, and the reference's own results."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.github import ENDINGS, GithubRules, judge, measure, strip_header
from corpusmill.filters.github_comments import comments, syntax_of
from corpusmill.filters.github_headers import MAX_CACHED_CHARS, is_generated, suspects
from corpusmill.records import Reason
from oracle import cases

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    "of this software, to deal in it without limits, on these terms:\n\n"
    "The above copyright notice shall be included in all copies.\n\n"
    'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND.'
)
APACHE = (
    'Licensed under the Apache License, Version 2.0 (the "License");\n'
    "you may not use this file except in compliance with the License.\n\n"
    "    http://www.apache.org/licenses/LICENSE-2.0\n\n"
    "See the License for the specific language governing permissions and\n"
    "limitations under the License."
)


def commented(text, mark):
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        # What goes, language by language.
        pytest.param("a.c", f"/* Copyright 2020 A\n * {MIT} */\nint a;\n", "int a;\n", id="c-block"),
        pytest.param("a.c", "\n\n/* Copyright 2020 A */\n\n\nint a;\n", "int a;\n", id="blank-lines-go-with-it"),
        pytest.param("a.c", "/* (c) 2020 A */ int b;\n", " int b;\n", id="code-in-the-same-line"),
        pytest.param("a.cpp", commented(APACHE, "//") + "\nint a;\n", "int a;\n", id="c-lines"),
        pytest.param("a.h", "#pragma once\n// Copyright 2020 A\nint a;\n", "#pragma once\nint a;\n", id="pragma-once"),
        pytest.param(
            "a.h",
            "#ifndef A\n#define A\n\n/* Copyright A Ltd. */\nint a;",
            "#ifndef A\n#define A\n\nint a;",
            id="guard",
        ),
        pytest.param("a.go", "// Copyright 2020 A.\n\npackage a\n", "package a\n", id="go"),
        pytest.param("a.rs", "// SPDX-License-Identifier: MIT\nuse a;\n", "use a;\n", id="spdx"),
        pytest.param("a.rs", "#![no_std]\n// Licensed under MIT.\nuse a;\n", "#![no_std]\nuse a;\n", id="rust"),
        pytest.param("a.java", f"/**\n * {APACHE}\n */\npackage a;\n", "package a;\n", id="javadoc"),
        pytest.param("a.js", "'use strict';\n/*! @license MIT */\na();\n", "'use strict';\na();\n", id="use-strict"),
        pytest.param("a.css", '@charset "UTF-8";\n/* (c) 2020 A */\na {}\n', '@charset "UTF-8";\na {}\n', id="charset"),
        pytest.param("a.php", "<?php\n/* Copyright (C) A */\n\necho 1;\n", "<?php\n\necho 1;\n", id="php"),
        pytest.param("a.py", "# Copyright 2020 A\nimport a\n", "import a\n", id="python"),
        pytest.param("a.py", f'"""{MIT}"""\nimport a\n', "import a\n", id="python-docstring-of-a-licence-alone"),
        pytest.param("a.rb", "=begin\nCopyright 2020 A\n=end\nputs 1\n", "puts 1\n", id="ruby-block"),
        pytest.param("a.sh", "#!/bin/sh\n# Copyright 2020 A\n\nls\n", "#!/bin/sh\n\nls\n", id="shell"),
        pytest.param("Makefile", "# Copyright 2020 A\nall:\n", "all:\n", id="makefile"),
        pytest.param("x/Makefile.in", "# Copyright 2020 A\nall:\n", "all:\n", id="template-of-a-makefile"),
        pytest.param("app.Dockerfile", "# Copyright 2020 A\nFROM a\n", "FROM a\n", id="dockerfile"),
        pytest.param("run", "#!/bin/sh\n# (c) 2020 A\nls\n", "#!/bin/sh\nls\n", id="script-without-an-ending"),
        pytest.param("a.sql", "-- Copyright 2020 A\nselect 1;\n", "select 1;\n", id="sql"),
        pytest.param("a.lua", "--[[\nCopyright 2020 A\n]]\nx = 1\n", "x = 1\n", id="lua-block"),
        pytest.param("a.lua", "--[==[ (c) 2020 A ]]\n]==]\nx = 1\n", "x = 1\n", id="lua-longer-marks"),
        pytest.param("a.hs", "{- Copyright 2020 A -}\nmodule A\n", "module A\n", id="haskell-block"),
        pytest.param("a.hs", "-- Copyright 2020 A\nmodule A\n", "module A\n", id="haskell-lines"),
        pytest.param("a.ml", "(* Copyright 2020 A *)\nlet a = 1\n", "let a = 1\n", id="ocaml"),
        pytest.param("a.pas", "{ Copyright 2020 A }\nprogram a;\n", "program a;\n", id="pascal"),
        pytest.param("a.el", ";; Copyright 2020 A\n(a)\n", "(a)\n", id="lisp"),
        pytest.param("a.asm", "; Copyright 2020 A\nmov a, b\n", "mov a, b\n", id="assembly"),
        pytest.param("a.tex", "% Copyright 2020 A\n\\a\n", "\\a\n", id="tex"),
        pytest.param("a.m", "% Copyright 2020 A\na = 1\n", "a = 1\n", id="matlab"),
        pytest.param("a.m", "/* Copyright 2020 A */\nid a;\n", "id a;\n", id="objective-c"),
        pytest.param("a.f", "C     Copyright 2020 A\nC\n      a = 1\n", "      a = 1\n", id="fortran-77"),
        pytest.param("a.f90", "! Copyright 2020 A\nmodule a\n", "module a\n", id="fortran-90"),
        pytest.param("a.vb", "' Copyright 2020 A\nModule A\n", "Module A\n", id="visual-basic"),
        pytest.param(
            "a.bat", "@echo off\r\nREM Copyright 2020 A\r\ndir\r\n", "@echo off\r\ndir\r\n", id="batch-rem-crlf"
        ),
        pytest.param("a.cmd", ":: Copyright 2020 A\ndir\n", "dir\n", id="batch-colons"),
        pytest.param("a.ps1", "<#\nCopyright 2020 A\n#>\nls\n", "ls\n", id="powershell"),
        pytest.param("a.m4", "dnl Copyright 2020 A\ndnl\ndefine(a)\n", "define(a)\n", id="m4"),
        pytest.param("a.cmake", "#[[ Copyright 2020 A ]]\nset(a)\n", "set(a)\n", id="cmake"),
        pytest.param("a.jl", "#= Copyright 2020 A =#\na = 1\n", "a = 1\n", id="julia"),
        pytest.param("a.vim", '" Copyright 2020 A\nlet a = 1\n', "let a = 1\n", id="vim"),
        pytest.param("a.html", "<!DOCTYPE html>\n<!-- (c) 2020 A -->\n<p>", "<!DOCTYPE html>\n<p>", id="html"),
        pytest.param(
            "a.xml", '<?xml version="1.0"?>\n<!-- (c) 2020 A -->\n<a/>', '<?xml version="1.0"?>\n<a/>', id="xml"
        ),
        pytest.param("a.md", f"<!--\n{APACHE}\n-->\n\n# Title\n", "# Title\n", id="markdown"),
        pytest.param("a.rst", f"..\n{commented(APACHE, '   ')}\nTitle\n=====\n", "Title\n=====\n", id="rst"),
        # Several comments, and comments that say something else, too.
        pytest.param(
            "a.c", "/* Copyright A */\n\n/* Adds. */\nint a;\n", "/* Adds. */\nint a;\n", id="next-comment-stays"
        ),
        pytest.param(
            "a.c", "/* Adds. */\n/* Copyright A */\nint a;\n", "/* Adds. */\nint a;\n", id="second-comment-goes"
        ),
        pytest.param("a.py", "# Copyright A\n# All rights reserved.\n\n# Adds.\n", "# Adds.\n", id="next-lines-stay"),
        pytest.param(
            "a.c", f"/*\n * Adds.\n *\n * {MIT}\n */\nint a;\n", "/*\n * Adds.\n */\nint a;\n", id="paragraphs-go-below"
        ),
        pytest.param(
            "a.c", "/*\n * Copyright 2020 A\n *\n * Adds.\n */\nint a;\n", "/*\n * Adds.\n */\nint a;\n", id="and-above"
        ),
        pytest.param("a.c", "/* Copyright A\n *\n * Adds. */\n", "/*\n * Adds. */\n", id="first-line-has-the-mark"),
        pytest.param("a.c", "/* Adds.\n *\n * Copyright A */\n", "/* Adds. */\n", id="last-line-has-the-mark"),
        pytest.param("a.py", "# Copyright A 2020,\n#   B 2021\n# Adds.\n", "# Adds.\n", id="names-on-the-next-line"),
        pytest.param(
            "a.py", f"{commented(APACHE, '#')}# TODO: add\n", "# TODO: add\n", id="text-after-a-licence's-end"
        ),
        pytest.param(
            "a.c", "/* a.c\n * by Ann Bee\n * Copyright A */\nint a;\n", "int a;\n", id="credits-go-with-a-licence"
        ),
        pytest.param(
            "a.py", "# Adds numbers, and\n# is licensed under MIT.\nimport a\n", "import a\n", id="whole-sentences-go"
        ),
        pytest.param("a.c", "/* Author: A B */\nint a;\n", "/* Author: A B */\nint a;\n", id="credits-alone-stay"),
        pytest.param(
            "a.py",
            "# Copyright A\n# -*- coding: utf-8 -*-\n# MIT License\n",
            "# -*- coding: utf-8 -*-\n",
            id="mode-line",
        ),
        # Banners of generated files.
        pytest.param(
            "a.go", "// Code generated by x. DO NOT EDIT.\n// source: a.x\n\npackage a\n", "package a\n", id="banner"
        ),
        pytest.param("a.py", "# Generated by x, do not edit.\nimport a\n", "import a\n", id="banner-python"),
    ],
)
def test_strip_header(path, content, expected):
    assert strip_header(content, path) == expected


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("a.c", "#include <a.h>\n#define A 1\n", id="includes"),
        pytest.param("a.c", "// Adds two numbers.\n\nint add();\n", id="documentation"),
        pytest.param("a.c", "int a;\n/* Copyright 2020 A */\n", id="below-the-header"),
        pytest.param("a.c", "/* Copyright 2020 A\nint a;\n", id="comment-that-never-ends"),
        pytest.param("a.c", 'const char *s = "/* Copyright 2020 A */";\n', id="in-a-string"),
        pytest.param("a.sh", "#!/bin/sh\nls\n", id="shebang"),
        pytest.param("a.py", "# -*- coding: utf-8 -*-\nimport a\n", id="encoding"),
        pytest.param("a.rb", "# frozen_string_literal: true\n\nputs 1\n", id="ruby's-switch"),
        pytest.param("a.js", "/* eslint-disable no-console */\na();\n", id="linter's-switch"),
        pytest.param("a.go", "//go:build linux\n\npackage a\n", id="build-tag"),
        pytest.param("a.php", "<?php\necho 1;\n", id="php"),
        pytest.param("a.xml", '<?xml version="1.0"?>\n<a/>\n', id="xml"),
        pytest.param("a.html", "<!DOCTYPE html>\n<!-- a page -->\n", id="doctype"),
        pytest.param("a.md", "# Copyright 2020 A\n\nWhat copyright is.\n", id="markdown-title"),
        pytest.param("a.rst", ".. image:: a.png\n\nCopyright\n=========\n", id="rst-directive"),
        pytest.param("a.py", '"""Adds.\n\nCopyright 2020 A\n"""\n', id="docstring-that-says-more"),
        pytest.param("a.hs", "{-# LANGUAGE A #-}\nmodule A\n", id="haskell-pragma"),
        pytest.param("a.txt", "# Copyright 2020 A\n", id="language-not-known"),
        pytest.param("a.py", "# Finds copyright notices in files.\n", id="text-about-copyright"),
        pytest.param("a.py", "# Generates code for the parser.\n", id="text-about-generated-code"),
        pytest.param(
            "a.py", "# The module is provided by the server.\n# (c) The third case of the list.\n", id="look-alikes"
        ),
        pytest.param("a.py", "# Edit this file to modify permissions and terms.\n", id="words-of-licences"),
        pytest.param("a.py", "\n\nimport a\n", id="blank-lines-where-nothing-goes"),
        pytest.param("a.c", "", id="empty"),
    ],
)
def test_stays_as_it_is(path, content):
    assert strip_header(content, path) == content


def test_every_ending_of_the_list_has_a_comment_syntax():
    assert [name for name in ENDINGS if syntax_of(f"a{name}" if name.startswith(".") else name) is None] == []


NAMES = "a.c a.js a.php a.py a.sh a.sql a.lua a.rb a.m4 a.html a.rst a.bat a.tex a.f a.txt"
PATHS = st.sampled_from(NAMES.split())
MARKS = '/* */ /** // # -- --[[ ]] <!-- --> """ =begin =end % dnl REM #!/bin/sh #! <?php .. \'use strict\' ===='
SPACES = ["\n", "\n\n", " ", "\t", "\r\n", "\ufeff", " * "]
LINES = """Copyright 2020 A|All rights reserved.|Licensed under the|limitations under the License.|and|A,|Adds.
See a.|Author: A B|a.c|-*- c -*-|DO NOT EDIT.|@generated|int a;|é|#ifndef A\n#define A"""
PIECES = (
    st.sampled_from(SPACES) | st.sampled_from(MARKS.split()) | st.sampled_from(LINES.replace("\n", "|", 1).split("|"))
)
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text()


def is_subsequence(short, long):
    rest = iter(long)
    return all(char in rest for char in short)


@given(TEXTS, PATHS)
def test_a_second_time_nothing_goes(content, path):
    once = strip_header(content, path)
    assert strip_header(once, path) == once


@given(
    TEXTS,
    PATHS,
    st.sampled_from(["\nint main() {}\n", "\nx = 1 /* Copyright 2020 B */", "\n\n<a>// Copyright 2020 B\n"]),
)
def test_only_characters_of_the_header_go(content, path, rest):
    """The end of the last comment is the end of what may change, but for blank lines that follow it."""
    content += rest
    stripped = strip_header(content, path)
    assert is_subsequence(stripped, content)
    syntax = syntax_of(path, content)
    header = (
        max((start + len(comment.text) for start, comment in comments(content, syntax)), default=0) if syntax else 0
    )
    assert stripped.endswith(content[header:].lstrip())


@pytest.mark.parametrize(
    "unit",
    [
        "/*",
        "/* a */",
        "// Copyright A\n",
        "# Copyright A\n\n",
        "\n",
        "/* Copyright A */\n\n",
        "<!-- a --",
        '"""',
        "(c) A",
        " ",
    ],
)
@pytest.mark.parametrize("path", ["a.c", "a.py", "a.html", "a.php"])
def test_takes_linear_time(unit, path):
    """A hundred times the time for ten times the text would be minutes here."""
    strip_header(unit * 50_000, path)
    strip_header(f"/* Copyright A\n{unit * 50_000} */", path)


def test_long_comments_are_read_like_short_ones():
    filling = "// Adds.\n" * MAX_CACHED_CHARS
    assert strip_header(f"// Copyright A\n//\n{filling}int a;\n", "a.c") == f"{filling}int a;\n"


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        pytest.param("a.go", "// Code generated by x from a.y. DO NOT EDIT.\n", True, id="go's-convention"),
        pytest.param("a.js", "/**\n * @generated SignedSource<<0>>\n */\n", True, id="at-generated"),
        pytest.param(
            "a.cs", "//----\n// <auto-generated>\n//     by a tool\n// </auto-generated>\n", True, id="c-sharp"
        ),
        pytest.param("a.c", "/* Generated by Cython 3 */\n", True, id="cython"),
        pytest.param("a.py", "# This file is automatically generated by x.\n", True, id="this-file-is"),
        pytest.param("a.py", '"""\na\n~\n\nThis file is autogenerated by x.py\n"""\n', True, id="docstring"),
        pytest.param("a.py", "# THIS FILE IS AUTOMATICALLY GENERATED BY X\n", True, id="capitals"),
        pytest.param("a.h", "/* DO NOT EDIT THIS FILE! */\n", True, id="do-not-edit"),
        pytest.param(
            "Makefile.in", "# Makefile.in generated by automake 1.16 from Makefile.am.\n", True, id="automake"
        ),
        pytest.param(
            "a.c", "// Copyright A\n\n// Automatically generated file, do not edit!\n", True, id="below-a-licence"
        ),
        pytest.param("a.py", "# Generates code; see DO NOT EDIT below.\n", False, id="mentions"),
        pytest.param("a.py", "# Generated guards are in a.py\n", False, id="speaks-of-others"),
        pytest.param("a.py", "# AST nodes generated by the parser.\n", False, id="what-the-code-does"),
        pytest.param("a.py", "# The bottom of this file is generated by x.\n", False, id="a-part"),
        pytest.param("a.py", "# This class is generated only if A is set.\n", False, id="under-a-condition"),
        pytest.param("a.py", "x = '# Code generated by x. DO NOT EDIT.'\n", False, id="in-a-string"),
        pytest.param(
            "a.py", '"""\n' + "doc\n" * 20 + 'This file is generated by x.\n"""', False, id="deep-in-a-docstring"
        ),
        pytest.param("a.py", "import a\n# Code generated by x. DO NOT EDIT.\n", False, id="below-the-header"),
    ],
)
def test_is_generated(path, content, expected):
    assert is_generated(suspects(content, syntax_of(path))) is expected
    assert (judge(content, path, rules=GithubRules(endings=("",))).reason is Reason.GITHUB_GENERATED) is expected


CHARS = st.sampled_from("ab1 .\n\n\r\v\f\x1c\x85\u2028é１²٣字😀\ud800") | st.characters()


@given(st.text(CHARS))
def test_measures_are_those_of_the_plain_code(content):
    lines = content.splitlines()
    measures = measure(content)
    assert measures.line_count == len(lines)
    assert measures.max_line_chars == max(map(len, lines), default=0)
    assert measures.avg_line_chars == (len(content) / len(lines) if lines else 0.0)
    assert measures.alnum_frac == (sum(map(str.isalnum, content)) / len(content) if content else 0.0)
    assert {type(value) for value in (measures.avg_line_chars, measures.alnum_frac)} == {float}


@pytest.mark.parametrize("content", [string.printable, "".join(map(chr, range(256))), "a" * 5000 + "\n" + "b" * 7])
def test_measures_of_all_bytes(content):
    test_measures_are_those_of_the_plain_code.hypothesis.inner_test(content)


CODE = "def add(first, second):\n    return first + second\n"


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        pytest.param("src/a.py", CODE, None, id="kept"),
        pytest.param("a.txt", CODE, Reason.GITHUB_EXTENSION, id="ending"),
        pytest.param("a.PY", CODE, Reason.GITHUB_EXTENSION, id="ending-in-capitals"),
        pytest.param("a.C", "int a;\n" * 3, None, id="ending-listed-in-capitals"),
        pytest.param("x/GNUMakefile", "all:\n", None, id="name"),
        pytest.param("LICENSE", CODE, Reason.GITHUB_LICENSE_FILE, id="licence"),
        pytest.param("vendor/LICENSE.md", CODE, Reason.GITHUB_LICENSE_FILE, id="licence-in-a-folder"),
        pytest.param("docs/copying.rst", CODE, Reason.GITHUB_LICENSE_FILE, id="copying"),
        pytest.param("js/a.LICENSE.txt", CODE, Reason.GITHUB_LICENSE_FILE, id="licence-of-a-bundle"),
        pytest.param("LICENSE-MIT", CODE, Reason.GITHUB_LICENSE_FILE, id="licence-with-its-name"),
        pytest.param("license.py", CODE, None, id="code-about-licences"),
        pytest.param("driver_license.html", CODE, None, id="page-about-licences"),
        pytest.param("notice.html", CODE, None, id="page-with-a-notice"),
        pytest.param("licenses/index.js", CODE, None, id="folder-of-licences"),
        pytest.param("ca.crt", "a", Reason.GITHUB_LICENSE_FILE, id="certificate"),
        pytest.param("a.min.js", "a();\n", Reason.GITHUB_MINIFIED, id="minified-by-name"),
        pytest.param("a.js.map", "{}", Reason.GITHUB_MINIFIED, id="source-map"),
        pytest.param("a.js", "a();" * 300, Reason.GITHUB_MINIFIED, id="minified-by-shape"),
        pytest.param("admin.js", CODE, None, id="no-minified-name"),
        pytest.param("a.py", "# Generated by x\n" + CODE, Reason.GITHUB_GENERATED, id="generated"),
        pytest.param("a.py", "", Reason.EMPTY, id="empty"),
        pytest.param("a.py", " \n\n", Reason.EMPTY, id="blank"),
        pytest.param("a.py", "# Copyright 2020 A\n", Reason.EMPTY, id="nothing-but-a-header"),
        pytest.param("a.c", "a\n" * 99 + "b" * 1000, None, id="longest-line-at-the-limit"),
        pytest.param("a.c", "a\n" * 99 + "b" * 1001, Reason.GITHUB_LONG_LINE, id="longest-line-above"),
        pytest.param("a.c", ("a" * 99 + "\n") * 9, None, id="average-at-the-limit"),
        pytest.param("a.c", ("a" * 100 + "\n") * 9, Reason.GITHUB_LONG_LINES, id="average-above"),
        pytest.param("a.c", "ab------", None, id="alnum-at-the-limit"),
        pytest.param("a.c", "ab-------", Reason.GITHUB_FEW_ALNUM, id="alnum-below"),
        pytest.param(
            "a.c", "/* Copyright 2020 " + "A" * 1001 + " */\nint a;\n", None, id="measured-without-its-header"
        ),
    ],
)
def test_judge(path, content, reason):
    verdict = judge(content, path)
    assert verdict.reason == reason
    assert (verdict.text is None) == (reason is not None)


def test_rules_and_tokens():
    assert judge(CODE, "a.xyz", rules=GithubRules(endings=(".xyz",))).text == CODE
    letters = sum(map(str.isalpha, CODE))
    for n_tokens, reason in ((letters / 1.5, None), (letters / 1.4, Reason.GITHUB_FEW_LETTERS_PER_TOKEN)):
        verdict = judge(CODE, "a.py", count_tokens=lambda text, n=n_tokens: n)
        assert verdict.reason == reason
        assert verdict.measures["letters_per_token"] == letters / n_tokens
    assert judge("1 + 1", "a.py", count_tokens=lambda text: 0).reason is Reason.GITHUB_FEW_LETTERS_PER_TOKEN


# The reference.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("/* Copyright 2020 X\n * MIT */\nint a; /* b */\n", "\nint a; /* b */\n", id="first-block-goes"),
        pytest.param("/* hello */\n// Copyright\nint a;\n/* copyright */", None, id="only-the-first-block"),
        pytest.param(
            "#!/usr/bin/env python\n# Copyright X\n\nimport os\n# keep\n", "import os\n# keep\n", id="shebang"
        ),
        pytest.param("#include <a.h>\n#define X 1\nint main(){}", "int main(){}", id="includes-go"),
        pytest.param("# Title\n\nBody", "Body", id="titles-go"),
        pytest.param("int a;\n// c\n/* (c) COPYRIGHT Z */ int b;", "int a;\n// c\n int b;", id="block-anywhere"),
        pytest.param("-- c\nselect 1", "select 1", id="dashes"),
        pytest.param("# a\n# b", "", id="comments-alone"),
        pytest.param('"""\nCopyright X\n"""\nx = 1\n', None, id="docstring-stays"),
        pytest.param("/* open\n// a\nint a;", None, id="block-that-never-ends"),
        pytest.param("/*/ copyright */ int a;", " int a;", id="marks-that-overlap"),
        pytest.param(" # a\nb", None, id="indented-comment-stays"),
    ],
)
def test_strips_headers_as_the_reference(content, expected):
    assert strip_header(content, "a.c", "redpajama-v1") == (content if expected is None else expected)


REASONS = {
    None: set(),
    Reason.EMPTY: {"empty"},
    Reason.GITHUB_LICENSE_FILE: {"skipped_path"},
    Reason.GITHUB_EXTENSION: {"extension"},
    Reason.GITHUB_LONG_LINE: {"max_line_length>1000"},
    Reason.GITHUB_LONG_LINES: {"avg_line_length>100"},
    Reason.GITHUB_FEW_ALNUM: {"alnum_prop<0.25"},
    Reason.GITHUB_FEW_LETTERS_PER_TOKEN: {"alpha_token_ratio<1.5"},
}


@pytest.mark.parametrize("case", cases("github"))
def test_judges_as_the_reference(case):
    content, path, stats = case["content"], case["path"], case["stats_on_cleaned"]
    cleaned = strip_header(content, path, "redpajama-v1")
    assert cleaned == case["cleaned_text"]
    measures = measure(cleaned)
    assert measures.line_count == stats["line_count"]
    assert measures.max_line_chars == stats["max_line_length"]
    assert measures.avg_line_chars == stats["avg_line_length"]
    assert measures.alnum_frac == stats["alnum_prop"]
    verdict = judge(content, path, compat="redpajama-v1", count_tokens=lambda text: case["num_tokens_mistral_v1"])
    assert verdict.text == (cleaned if case["keep"] else None)
    assert REASONS[verdict.reason] <= set(case["all_failing_rules"])
