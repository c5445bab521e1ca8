"""The functions of a source: where modules are found, what is a function of them, and what is left out."""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from tracegen.programs.discovery import LARGEST, Found, Kind, Module, Origin, Parameter, functions, modules
from tracegen.settings import CannotRun


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


def names(source: Path | str, dropped: Counter[str] | None = None) -> list[str]:
    return [module.name for module in modules(str(source), sys.executable, dropped)]


def refusal(source: Path | str) -> str:
    with pytest.raises(CannotRun) as caught:
        modules(str(source), sys.executable)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def found(text: str, dropped: Counter[str] | None = None) -> dict[str, Found]:
    module = Module("m", "m.py", dedent(text).lstrip("\n"), False, Origin.FILE)
    return {each.qualname: each for each in functions(module, dropped)}


def test_a_file_is_a_module() -> None:
    [module] = modules(__file__, sys.executable)
    assert (module.name, module.package, module.origin) == ("tests.test_discovery", False, Origin.FILE)
    assert module.text == Path(__file__).read_text(encoding="utf-8")


def test_line_ends_and_encodings_are_pythons(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"# coding: latin-1\r\ndef f():\r\n    return '\xe9'\r\n")
    [module] = modules(str(tmp_path / "a.py"), sys.executable)
    assert module.text == "# coding: latin-1\ndef f():\n    return 'é'\n"


def test_a_package_has_the_names_that_python_gives_it(tmp_path: Path) -> None:
    written(tmp_path, {"src/pkg/__init__.py": "", "src/pkg/a.py": "", "src/pkg/sub/__init__.py": "", "script.py": ""})
    assert names(tmp_path) == ["script", "pkg", "pkg.a", "pkg.sub"]
    assert names(tmp_path / "src" / "pkg" / "sub") == ["pkg.sub"]
    assert names(tmp_path / "src" / "pkg" / "a.py") == ["pkg.a"]


def test_packages_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    written(tmp_path, {f"{each}/app/{file}.py": "" for each in "ab" for file in ("__init__", "x")} | {"c/x.py": ""})
    assert names(tmp_path) == ["app", "app.x", "b.app", "b.app.x", "c.x"]


def test_what_is_not_source_is_passed_over_and_tests_are_counted(tmp_path: Path) -> None:
    skipped = (".hidden/a.py", "__pycache__/a.py", "node_modules/a.py", "build/a.py", "env/lib/a.py", ".b.py")
    tests = ("test_a.py", "a_test.py", "conftest.py", "tests/helper.py")
    written(tmp_path, dict.fromkeys((*skipped, *tests, "a.py", "env/pyvenv.cfg", "notes.txt"), ""))
    written(tmp_path, {"broken.py": "def f(:\n"})
    dropped: Counter[str] = Counter()
    assert names(tmp_path, dropped) == ["a"]
    assert dropped == {"test files": 4, "files that are not Python": 1}


def test_a_test_file_that_is_asked_for_is_read(tmp_path: Path) -> None:
    assert names(written(tmp_path, {"test_a.py": ""}) / "test_a.py") == ["test_a"]


def test_an_installed_module_is_found_and_not_imported() -> None:
    [module] = modules("json.decoder", sys.executable)
    assert (module.name, module.origin) == ("json.decoder", Origin.INSTALLED)
    assert {"json", "json.decoder", "json.encoder"} <= set(names("json"))
    assert names("posixpath") == ["posixpath"]  # frozen, but with a source
    assert names("packaging.version") == ["packaging.version"]


def test_an_installed_package_runs_none_of_its_code(tmp_path: Path) -> None:
    written(tmp_path, {"trap/__init__.py": "raise SystemExit(3)", "trap/a.py": "raise SystemExit(4)"})
    python = tmp_path / "python"
    program = f'import sys\nsys.path.insert(0, "{tmp_path}")\nsys.argv = sys.argv[2:]\nexec(sys.argv[0])\n'
    # "python -I -c ASK NAME", with the folder in its path.
    python.write_text(f"#!/bin/sh\nshift 2\nexec {sys.executable} -I -c '{program}' -c \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    assert [module.name for module in modules("trap", str(python))] == ["trap", "trap.a"]
    assert [module.name for module in modules("trap.a", str(python))] == ["trap.a"]


def test_what_cannot_be_read_is_said_in_a_line(tmp_path: Path) -> None:
    written(tmp_path, {"broken.py": "x = 1\ndef f(:\n", "empty/notes.txt": "", "only/test_a.py": "", "zero.py": "a\0b"})
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "cookie.py").write_bytes(b"# coding: klingon\n")
    (tmp_path / "large.py").write_text("#" * (LARGEST + 1), encoding="utf-8")
    assert refusal(tmp_path / "missing.py") == f"{tmp_path}/missing.py: no such file or folder"
    assert refusal(tmp_path / "broken.py") == f"{tmp_path}/broken.py:2: not Python: invalid syntax"
    assert "cannot be decoded" in refusal(tmp_path / "latin.py")
    assert "cannot be decoded" in refusal(tmp_path / "cookie.py")
    assert "not Python" in refusal(tmp_path / "zero.py")
    assert "larger than 2 MiB" in refusal(tmp_path / "large.py")
    assert refusal(tmp_path / "empty") == f"{tmp_path}/empty: no Python files in it"
    assert refusal(tmp_path / "only").endswith("no Python files in it but 1 test files")
    assert refusal("no_such_module_at_all").startswith("no_such_module_at_all: no such file or folder, and no module")
    assert refusal("json.nothing") == "json.nothing: there is no nothing in json"
    assert "no Python source" in refusal("sys")
    assert "no Python source" in refusal("_json")
    with pytest.raises(CannotRun, match="does not say where json is"):
        modules("json", str(tmp_path / "no_python"))


def test_a_function_is_plain_data() -> None:
    [each] = found(
        '''
        import functools

        @functools.cache
        def f(a, /, b: "int" = 1 + 1, *rest: str, c, d=[], **more) -> list[int]:
            """Says what."""
            for x in rest:
                if x: return x
            return [
                a,
            ]
        '''
    ).values()
    assert pickle.loads(pickle.dumps(each)) == each
    assert (each.module, each.qualname, each.name, each.first, each.last) == ("m", "f", "f", 3, 10)
    assert (each.is_async, each.is_generator, each.returns, each.docstring) == (False, False, "list[int]", "Says what.")
    assert each.statements == (6, 7, 8)
    assert each.parameters == (
        Parameter("a", Kind.POSITIONAL_ONLY),
        Parameter("b", Kind.POSITIONAL_OR_KEYWORD, "'int'", "1 + 1"),
        Parameter("rest", Kind.VAR_POSITIONAL, "str"),
        Parameter("c", Kind.KEYWORD_ONLY),
        Parameter("d", Kind.KEYWORD_ONLY, None, "[]"),
        Parameter("more", Kind.VAR_KEYWORD),
    )


def test_generators_and_coroutines_are_told_apart() -> None:
    each = found(
        """
        def plain():
            def inner():
                yield 1
            return inner
        def generator(): yield 1
        async def coroutine(): return 1
        async def both(): yield 1
        """
    )
    told = {name: (f.is_async, f.is_generator) for name, f in each.items()}
    assert told == {
        "plain": (False, False),
        "generator": (False, True),
        "coroutine": (True, False),
        "both": (True, True),
    }


def test_functions_in_blocks_are_found_and_the_last_of_a_name_wins() -> None:
    each = found(
        """
        def f(): return 1
        if x:
            def g(): return 1
        else:
            def h(): return 1
        try:
            def f(): return 2
        except E:
            def i(): return 1
        if __name__ == "__main__":
            def j(): return 1
        """
    )
    assert {name: f.first for name, f in each.items()} == {"f": 7, "g": 3, "h": 5, "i": 9}


def test_methods_that_need_no_instance_are_found() -> None:
    dropped: Counter[str] = Counter()
    each = found(
        """
        class A:
            @staticmethod
            def s(a): return a
            @classmethod
            def c(cls, a): return a
            @classmethod
            def __private(cls): return 1
            def m(self): return 1
        """,
        dropped,
    )
    assert list(each) == ["A.s", "A.c"]
    assert [[p.name for p in f.parameters] for f in each.values()] == [["a"], ["a"]]
    assert dropped == {"instance method": 1, "private to its class": 1, "nested": 0}


def test_what_is_left_out_is_counted_by_reason() -> None:
    dropped: Counter[str] = Counter()
    each = found(
        """
        @overload
        def f(a: int) -> int: return a
        def f(a): return a
        def stub(a): ...
        def documented(): "Only says."
        def test_f(): assert f(1)
        def refuses(): raise NotImplementedError("later")
        class A:
            @classmethod
            @abstractmethod
            def c(cls): return 1
        def main():
            def nested(): return 1
            return nested()
        """,
        dropped,
    )
    assert list(each) == ["f", "main"]
    assert dropped == {"no body": 3, "test": 1, "abstract": 2, "nested": 1}


def test_only_lines_with_code_begin_statements() -> None:
    [each] = found(
        """
        def f(a):
            global g
            'not code'
            pass
            try:
                x: int
                h = lambda: (
                    1)
            except KeyError:
                a = 1
            while False:
                a = 2
            @print
            def inner():
                return 3
            match a:
                case 1:
                    a = 4
            return a
            a = 5
        """
    ).values()
    # 2 and 6 declare, 12 and 20 cannot be reached, and whether 3, 4 and 11 have code depends on the version.
    assert set(each.statements) <= {3, 4, 5, 7, 9, 10, 11, 14, 15, 16, 17, 18, 19}
    assert {5, 7, 9, 10, 14, 15, 16, 17, 18, 19} <= set(each.statements)


def test_a_declaration_that_is_too_deep_is_counted() -> None:
    dropped: Counter[str] = Counter()
    assert found(f"def f(a=x{'.b' * 1500}): return a\n", dropped) == {}
    assert dropped == {"declared too deeply": 1}
