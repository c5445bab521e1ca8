/* What differs from one CPython to the next, and nothing else: frames, locals, the state of tracing.
 *
 * The C side of pyfacts.py.  Every other file is the same for 3.8 to 3.13.  Reads the interpreter's own structures:
 * PyFrame_GetVar, the public way from 3.12 on, raises an exception for each local that is not bound yet, and looks
 * each up by name (docs/decisions.md has the figures).
 */
#ifndef FORETRACE_INTERPRETER_H
#define FORETRACE_INTERPRETER_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include <Python.h>
#include <frameobject.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#endif
#undef Py_BUILD_CORE

#if PY_VERSION_HEX < 0x03080000 || PY_VERSION_HEX >= 0x030e0000 || defined(Py_GIL_DISABLED)
#error "this core knows CPython 3.8 to 3.13, with its global lock"
#endif

/* Bits of an instruction, as pyfacts.py finds them (`flags_of_instructions`). */
enum { OP_RETURNS = 1, OP_YIELDS = 2, OP_RAISES = 4, OP_RESUME = 8, OP_YIELD_FROM = 16 };

/* Calls that a foreign repr may make although the program stands at its recursion limit. */
enum { HEADROOM = 200 };

typedef struct {
    Py_ssize_t at;    /* index among the frame's fast locals */
    Py_ssize_t first; /* 3.13: where an inlined comprehension hides a name of its function while it runs; else -1 */
    int in_cell;      /* whether the slots hold cells, once the frame runs */
    int first_in_cell;
} Place;

/* The code of a frame; borrowed. */
static inline PyCodeObject *frame_code(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030d0000
    return (PyCodeObject *)frame->f_frame->f_executable;
#elif PY_VERSION_HEX >= 0x030b0000
    return frame->f_frame->f_code;
#else
    return frame->f_code;
#endif
}

static inline PyObject **frame_fast(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030b0000
    return frame->f_frame->localsplus;
#else
    return frame->f_localsplus;
#endif
}

/* Like frame.f_lasti: an offset in bytes; below 0 before the first instruction. */
static inline int frame_lasti(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030b0000
    int at = _PyInterpreterFrame_LASTI(frame->f_frame);
    return at < 0 ? -1 : at * (int)sizeof(_Py_CODEUNIT);
#elif PY_VERSION_HEX >= 0x030a0000
    return frame->f_lasti < 0 ? -1 : frame->f_lasti * (int)sizeof(_Py_CODEUNIT);
#else
    return frame->f_lasti;
#endif
}

/* Like frame.f_lineno inside a trace function; 0 or below where an instruction has no line. */
static inline int frame_line(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030a0000
    return PyFrame_GetLineNumber(frame);
#else
    /* Kept by the evaluation loop while it traces.  PyFrame_GetLineNumber would ask the line table instead, and
     * say another line than a Python trace function sees. */
    return frame->f_lineno;
#endif
}

/* The local in a place; borrowed, NULL if it is not bound. */
static inline PyObject *frame_local(PyFrameObject *frame, const Place *place) {
    PyObject **fast = frame_fast(frame), *value = NULL;
    if (place->first >= 0 && (value = fast[place->first]) != NULL && place->first_in_cell && PyCell_Check(value))
        value = PyCell_GET(value);
    if (value != NULL)
        return value;
    value = fast[place->at];
    if (place->in_cell && value != NULL && PyCell_Check(value))
        return PyCell_GET(value);
    return value;
}

/* The namespace of a frame whose locals are a dict: new reference.  Never by way of f_locals: up to 3.12 that writes into
 * the namespace, and 3.13's reads a comprehension's name for a cell where another comprehension of the same body has
 * one of that name (https://github.com/python/cpython/issues/128396, fixed in 3.13.3). */
PyObject *frame_namespace(PyFrameObject *frame);

/* 3.13: whether a comprehension that runs in the body of a module or class hides names of it; and the frame's own
 * names, one after the other, from `*at` 0 on, borrowed: 0 where there are no more. */
int frame_hides_names(PyFrameObject *frame);
int frame_next_local(PyFrameObject *frame, Py_ssize_t *at, PyObject **name, PyObject **value);

/* Where each name of a code object lies among its frame's fast locals; -1 with an exception set. */
int places_of(PyCodeObject *code, PyObject *names, Place *places);

/* Its co_code: new reference. */
PyObject *code_instructions(PyCodeObject *code);

/* Digits of 30 bits in an int. */
static inline Py_ssize_t long_digits(PyObject *value) {
#if PY_VERSION_HEX >= 0x030c0000
    return (Py_ssize_t)(((PyLongObject *)value)->long_value.lv_tag >> 3);
#else
    return Py_ABS(Py_SIZE(value));
#endif
}

/* The local trace function slot of a frame. */
static inline PyObject *frame_trace(PyFrameObject *frame) {
    return frame->f_trace;
}
static inline void frame_set_trace(PyFrameObject *frame, PyObject *object) {
    PyObject *before = frame->f_trace;
    Py_XINCREF(object);
    frame->f_trace = object;
    Py_XDECREF(before);
}

/* Let events through inside a trace function, and give the program's stack some room; and back. */
typedef struct {
    int tracing;
    int switched;
    char overflowed;
} Suspension;
void tracing_suspend(PyThreadState *state, Suspension *saved);
void tracing_resume(PyThreadState *state, const Suspension *saved);

/* The same room alone, for Python code of our own. */
void headroom_give(PyThreadState *state);
void headroom_take(PyThreadState *state);

/* Run a module's code at the recursion depth that a script has, whatever lies below it on the stack: new reference. */
PyObject *run_as_script(PyObject *code, PyObject *globals);

static inline int opcode_at(PyObject *instructions, int at) {
    return at >= 0 && at < PyBytes_GET_SIZE(instructions) ? (unsigned char)PyBytes_AS_STRING(instructions)[at] : -1;
}

/* pyfacts.py: yields, resumes. */
static inline int instruction_yields(const unsigned char *flags, PyObject *instructions, int at) {
    int op = opcode_at(instructions, at);
    if (op < 0)
        return 0;
    if (flags[op] & OP_YIELDS)
        return 1;
    int next = opcode_at(instructions, at + 2);
    return next >= 0 && (flags[next] & OP_YIELD_FROM) != 0;
}
static inline int instruction_resumes(const unsigned char *flags, PyObject *instructions, int at) {
    int op = opcode_at(instructions, at);
    return at >= 0 && !(op >= 0 && (flags[op] & OP_RESUME) && (opcode_at(instructions, at + 1) & 3) == 0);
}

#endif
