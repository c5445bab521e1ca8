"""Which of CPython's own tests are run under the tracer, which are not, and which may tell that somebody traces.

Names and reasons; runs nothing: see cpython_tests.py.
"""

from __future__ import annotations

_NAMES = """
    test_generators test_coroutines test_exceptions test_dict test_list test_set test_scope test_functools
    test_collections test_json test_re test_builtin test_bool test_int test_float test_complex test_unicode
    test_str test_bytes test_tuple test_slice test_range test_iter test_itertools test_enumerate test_enum
    test_dataclasses test_contextlib test_contextlib_async test_asyncgen test_with test_raise test_yield_from
    test_pep380 test_pep479 test_generator_stop test_genexps test_listcomps test_setcomps test_dictcomps
    test_dictviews test_ordered_dict test_userdict test_userlist test_userstring test_deque test_defaultdict
    test_heapq test_bisect test_copy test_weakref test_weakset test_gc test_class test_descr test_descrtut
    test_property test_super test_metaclass test_abc test_isinstance test_typing test_types test_keywordonlyarg
    test_positional_only_arg test_unpack test_unpack_ex test_grammar test_augassign test_opcodes test_compare
    test_richcmp test_operator test_fstring test_format test_string test_textwrap test_csv test_threading
    test_thread test_threading_local test_context test_patma test_except_star test_exception_group
    test_exception_variations test_exception_hierarchy test_baseexception test_traceback test_pprint
    test_reprlib test_inspect test_frame test_code test_call test_extcall test_funcattrs test_named_expressions
    test_math test_contains test_binop test_decorators test_dynamic test_dynamicclassattribute
    test_exception_notes test_finalization test_future test_getopt test_global test_hash test_index test_ast
    test_compile test_peepholer test_keyword test_linecache test_numeric_tower test_pow test_print test_shlex
    test_string_literals test_structseq test_subclassinit test_syntax test_sys test_type_comments
    test_type_params test_type_aliases test_unary test_warnings test_recursion test_asyncio.test_tasks
    test_asyncio.test_futures test_asyncio.test_locks test_asyncio.test_queues test_asyncio.test_taskgroups
    test_asyncio.test_timeouts test_asyncio.test_runners
"""

MODULES = tuple(_NAMES.split())
FIRST = MODULES[:11]

LEFT_OUT = {
    "test_sys_settrace": "sets a trace function",
    "test_sys_setprofile": "sets a profile function",
    "test_bdb": "sets a trace function",
    "test_pdb": "sets a trace function",
    "test_trace": "sets a trace function",
    "test_doctest": "sets a trace function, in pdb",
    "test_monitoring": "registers tools with sys.monitoring, whose events it counts",
    "test_profile": "sets a profile function",
    "test_cprofile": "sets a profile function",
    "test_decimal": "takes long, and tests arithmetic in C",
}

CLOCK = "measures time"
KEPT = "a code object that ran is kept until the process ends"

REASONS: dict[str, str] = {
    "test_search_anchor_at_beginning": CLOCK,
    "CoExtra.test_free_called": KEPT,
    "CoExtra.test_free_different_thread": KEPT,
    "CodeWeakRefTest.test_basic": KEPT,
    "ClassPropertiesAndMethods.test_slots": "counts gc.get_objects(), where what is known of each code object is",
    "SysModuleTest.test_recursionlimit_recovery": "skips itself where anybody traces",
    "ThreadTests.test_gettrace_all_threads": "wants to find no trace function",
    "test_sneaky_frame_object": "sets a trace function, and relies on nobody's having traced before",
}
"""Why a test differs, whatever the values are: by the end of its id."""

OF_REPR = "a __repr__ that the tracer calls has effects; not under --values fields"


def reason(test: str) -> str:
    """Why this test may differ, or ""."""
    return next((why for name, why in REASONS.items() if test.endswith(name)), "")
