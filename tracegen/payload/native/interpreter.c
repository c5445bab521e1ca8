#include "interpreter.h"

#if PY_VERSION_HEX >= 0x030b0000
static int is_in_cell(PyCodeObject *code, Py_ssize_t at) {
    return ((unsigned char)PyBytes_AS_STRING(code->co_localspluskinds)[at] & (CO_FAST_CELL | CO_FAST_FREE)) != 0;
}
#endif

PyObject *frame_namespace(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030b0000
    PyObject *namespace = frame->f_frame->f_locals;
    if (namespace == NULL)
        namespace = frame->f_frame->f_globals;
#else
    PyObject *namespace = frame->f_locals;
    if (namespace == NULL)
        namespace = frame->f_globals;
#endif
    Py_INCREF(namespace);
    return namespace;
}

#if PY_VERSION_HEX >= 0x030d0000

/* What a name is bound to; a slot that should hold a cell may hold a value, while a comprehension has it. */
static PyObject *value_at(PyFrameObject *frame, Py_ssize_t at) {
    PyObject *value = frame_fast(frame)[at];
    return value != NULL && is_in_cell(frame_code(frame), at) && PyCell_Check(value) ? PyCell_GET(value) : value;
}

int frame_next_local(PyFrameObject *frame, Py_ssize_t *at, PyObject **name, PyObject **value) {
    PyCodeObject *code = frame_code(frame);
    while (*at < code->co_nlocalsplus) {
        *name = PyTuple_GET_ITEM(code->co_localsplusnames, *at);
        *value = value_at(frame, (*at)++);
        if (*value != NULL)
            return 1;
    }
    return 0;
}

int frame_hides_names(PyFrameObject *frame) {
    PyCodeObject *code = frame_code(frame);
    for (Py_ssize_t at = 0; at < code->co_nlocalsplus; at++)
        if ((PyBytes_AS_STRING(code->co_localspluskinds)[at] & CO_FAST_HIDDEN) && value_at(frame, at) != NULL)
            return 1;
    return 0;
}

#else

int frame_next_local(PyFrameObject *frame, Py_ssize_t *at, PyObject **name, PyObject **value) {
    (void)frame, (void)at, (void)name, (void)value;
    return 0;
}

int frame_hides_names(PyFrameObject *frame) {
    (void)frame;
    return 0;
}

#endif

#if PY_VERSION_HEX >= 0x030b0000

int places_of(PyCodeObject *code, PyObject *names, Place *places) {
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(names); n++) {
        places[n].at = places[n].first = -1;
        for (Py_ssize_t at = 0; at < code->co_nlocalsplus; at++) {
            if (PyUnicode_Compare(PyTuple_GET_ITEM(names, n), PyTuple_GET_ITEM(code->co_localsplusnames, at)) != 0)
                continue;
#if PY_VERSION_HEX >= 0x030d0000
            places[n].first = places[n].at; /* up to 3.12 the last of a name is what f_locals shows */
            places[n].first_in_cell = places[n].in_cell;
#endif
            places[n].at = at;
            places[n].in_cell = is_in_cell(code, at);
        }
        if (places[n].at < 0) {
            PyErr_SetString(PyExc_SystemError, "a name that the code does not have");
            return -1;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *code_instructions(PyCodeObject *code) {
    return PyCode_GetCode(code);
}

#else

static Py_ssize_t found_in(PyObject *tuple, PyObject *name) {
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(tuple); at++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(tuple, at), name) == 0)
            return at;
    return -1;
}

int places_of(PyCodeObject *code, PyObject *names, Place *places) {
    Py_ssize_t cells = PyTuple_GET_SIZE(code->co_cellvars);
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(names); n++) {
        PyObject *name = PyTuple_GET_ITEM(names, n);
        /* An argument that is a cell stands among both; its value is in the cell before the first event. */
        Py_ssize_t cell = found_in(code->co_cellvars, name), free = found_in(code->co_freevars, name);
        places[n].in_cell = cell >= 0 || free >= 0;
        places[n].first = -1;
        places[n].at = free >= 0 ? code->co_nlocals + cells + free
                     : cell >= 0 ? code->co_nlocals + cell : found_in(code->co_varnames, name);
        if (places[n].at < 0) {
            PyErr_SetString(PyExc_SystemError, "a name that the code does not have");
            return -1;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *code_instructions(PyCodeObject *code) {
    Py_INCREF(code->co_code);
    return code->co_code;
}

#endif

void headroom_give(PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030c0000
    state->py_recursion_remaining += HEADROOM;
#elif PY_VERSION_HEX >= 0x030b0000
    state->recursion_remaining += HEADROOM;
#else
    state->recursion_depth -= HEADROOM;
#endif
}

void headroom_take(PyThreadState *state) {
#if PY_VERSION_HEX >= 0x030c0000
    state->py_recursion_remaining -= HEADROOM;
#elif PY_VERSION_HEX >= 0x030b0000
    state->recursion_remaining -= HEADROOM;
#else
    state->recursion_depth += HEADROOM;
#endif
}

/* Up to 3.11 a flag says beside the counter whether anybody traces; up to 3.9 one says that the limit was reached, and
 * lets the program go beyond it. */
void tracing_suspend(PyThreadState *state, Suspension *saved) {
    headroom_give(state);
    saved->tracing = state->tracing;
    state->tracing = 0;
#if PY_VERSION_HEX >= 0x030c0000
    saved->switched = 0;
#elif PY_VERSION_HEX >= 0x030a0000
    saved->switched = state->cframe->use_tracing;
    state->cframe->use_tracing = 255;
#else
    saved->switched = state->use_tracing;
    state->use_tracing = 1;
    saved->overflowed = state->overflowed;
    state->overflowed = 0;
#endif
}

void tracing_resume(PyThreadState *state, const Suspension *saved) {
    headroom_take(state);
    state->tracing = saved->tracing;
#if PY_VERSION_HEX >= 0x030c0000
#elif PY_VERSION_HEX >= 0x030b0000
    state->cframe->use_tracing = (uint8_t)saved->switched;
#elif PY_VERSION_HEX >= 0x030a0000
    state->cframe->use_tracing = saved->switched;
#else
    state->use_tracing = saved->switched;
    state->overflowed = saved->overflowed;
#endif
}

PyObject *run_as_script(PyObject *code, PyObject *globals) {
    PyThreadState *state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030c0000
    int below = state->py_recursion_limit - state->py_recursion_remaining;
    state->py_recursion_remaining += below;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    state->py_recursion_remaining -= below;
#elif PY_VERSION_HEX >= 0x030b0000
    int below = state->recursion_limit - state->recursion_remaining;
    state->recursion_remaining += below;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    state->recursion_remaining -= below;
#else
    int below = state->recursion_depth;
    state->recursion_depth = 0;
    PyObject *result = PyEval_EvalCode(code, globals, globals);
    state->recursion_depth = below;
#endif
    return result;
}
