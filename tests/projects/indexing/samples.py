"""A small file of every parsed language: its name, content, symbols and imports."""

PYTHON = b'''"""Makes things."""
import os.path as p, sys
from ..models import (
    A as B,  # why
    C,
)
from . import views

LIMIT = 3


@decorated
class Shop(Base):
    async def open(self):
        def inner(): ...


def top(): ...
'''
JAVASCRIPT = b"""#!/usr/bin/env node
import a, { b as c } from './x';
import * as ns from "../y";
export { q } from "./q";
const z = require('./z'), LIMIT = 3;
exports.k = () => {};
class A { m() {} static s = () => 1 }
export const f = async () => { await import('./lazy'); };
function* g() {}
"""
TYPESCRIPT = b"""import type { D } from "./x";
export interface Foo { bar(): string }
export abstract class K extends B { private m = () => 1; abstract g(): void; h() {} }
enum E { A }
type T = string;
namespace N { export function inner() {} }
"""
TSX = b"""import React from 'react';
export default function App() { return <div className="x">some words</div>; }
"""
GO = b"""package shop

import (
	"fmt"
	m "example.org/shop/models"
)

const Limit = 3

type Shop struct{ name string }
type Door interface{ Open() }
type ID int

func (s *Shop) Open() {}
func New[T any]() *Shop { return nil }
"""
RUST = b"""mod foo;
use crate::a::{b, c::{self, d as e}};
pub struct S<T> { a: T }
impl<T> S<T> { pub fn new() -> Self { loop {} } }
trait Tr { fn a(&self); }
enum E { A }
const X: u8 = 1;
macro_rules! mm { () => {} }
mod inner { fn deep() {} }
"""
JAVA = b"""package com.shop;
import java.util.List;
import static com.shop.Z.foo;
import com.q.*;
public class A { A() {} int m() { return 1; } enum Q { R } interface I { void f(); } }
record P(int a) {}
"""
C = b"""#include "foo.h"
#include <sys/x.h>
#define MAX 3
#define SQ(x) ((x)*(x))
struct node { int a; };
static char *name(int x) { return 0; }
int declared(void);
enum col { RED };
"""
CPP = b"""#include "d.hpp"
namespace a { class C { public: int m() { return 1; } void decl(); }; }
int a::C::decl() { return 2; }
template<typename T> T& get(T x) { return x; }
"""
CSHARP = b"""using System;
using static A.B;
using X = global::C.D;
namespace N.M { public class K { public int P { get; set; } public K() {} void M1<T>() {} } interface I { void F(); } }
"""
PHP = b"""<?php
namespace App\\Mail;
use App\\Models\\{User, Post as P};
use function Foo\\bar;
require_once __DIR__ . '/boot.php';
class M extends Model { const A = 1; public function send() {} }
function top() {}
"""
RUBY = b"""require "json"
require_relative "lib/x"
module A
  class B::C < D
    LIMIT = 3
    def ok?; end
    def self.make; end
  end
end
"""
SQL = b"""CREATE TABLE public.users (id int primary key, org int references orgs(id));
CREATE VIEW v AS SELECT 1;
"""

SAMPLES: list[tuple[str, bytes, list[str], list[str]]] = [
    (
        "a.py",
        PYTHON,
        ["constant LIMIT", "class Shop", "method Shop.open", "function Shop.open.inner", "function top"],
        ["os.path", "sys", "..models A C", ". views"],
    ),
    (
        "a.js",
        JAVASCRIPT,
        [
            "constant z",
            "constant LIMIT",
            "function k",
            "class A",
            "method A.m",
            "method A.s",
            "function f",
            "function g",
        ],
        ["./x a b", "../y", "./q q", "./z", "./lazy"],
    ),
    (
        "a.ts",
        TYPESCRIPT,
        [
            "interface Foo",
            "class K",
            "method K.m",
            "method K.g",
            "method K.h",
            "enum E",
            "type T",
            "module N",
            "function N.inner",
        ],
        ["./x D"],
    ),
    ("a.tsx", TSX, ["function App"], ["react React"]),
    (
        "a.go",
        GO,
        ["constant Limit", "struct Shop", "interface Door", "type ID", "method Shop.Open", "function New"],
        ["fmt", "example.org/shop/models"],
    ),
    (
        "a.rs",
        RUST,
        [
            "struct S",
            "method S.new",
            "interface Tr",
            "method Tr.a",
            "enum E",
            "constant X",
            "function mm",
            "module inner",
            "function inner.deep",
        ],
        ["self::foo", "crate::a::b", "crate::a::c", "crate::a::c::d"],
    ),
    (
        "A.java",
        JAVA,
        ["class A", "method A.A", "method A.m", "enum A.Q", "interface A.I", "method A.I.f", "class P"],
        ["java.util.List", "com.shop.Z.foo", "com.q.*"],
    ),
    (
        "a.c",
        C,
        ["constant MAX", "function SQ", "struct node", "function name", "function declared", "enum col"],
        ["foo.h", "<sys/x.h>"],
    ),
    (
        "a.cpp",
        CPP,
        ["module a", "class a.C", "method a.C.m", "method a.C.decl", "method a.C.decl", "function get"],
        ["d.hpp"],
    ),
    (
        "a.cs",
        CSHARP,
        [
            "module N.M",
            "class N.M.K",
            "method N.M.K.P",
            "method N.M.K.K",
            "method N.M.K.M1",
            "interface N.M.I",
            "method N.M.I.F",
        ],
        ["System", "A.B", "C.D"],
    ),
    (
        "a.php",
        PHP,
        ["class M", "constant M.A", "method M.send", "function top"],
        ["App\\Models\\User", "App\\Models\\Post", "Foo\\bar", "/boot.php"],
    ),
    (
        "a.rb",
        RUBY,
        ["module A", "class A.B.C", "constant A.B.C.LIMIT", "method A.B.C.ok?", "method A.B.C.make"],
        ["json", "./lib/x"],
    ),
    ("a.sql", SQL, ["type users", "type v"], []),
]
