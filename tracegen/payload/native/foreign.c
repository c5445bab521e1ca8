/* Runs a foreign repr: unrecorded, for so many lines, and whatever it raises ends here. */
#include "tracer.h"

/* Whether a statement of the program raised it, not a C function or a signal. */
static int raised_by_a_statement(const Tracer *tracer, PyObject *traceback) {
    PyTracebackObject *tb = (PyTracebackObject *)traceback;
    if (traceback == NULL || !PyTraceBack_Check(traceback))
        return 0;
    while (tb->tb_next != NULL)
        tb = tb->tb_next;
    PyObject *instructions = code_instructions(frame_code(tb->tb_frame));
    int op = instructions ? opcode_at(instructions, tb->tb_lasti) : -1;
    Py_XDECREF(instructions);
    return op >= 0 && (tracer->flags[op] & OP_RAISES) != 0;
}

/* Say what went wrong, or let a real Ctrl-C through, which is told from a raised KeyboardInterrupt by the instruction
 * that raised it. */
static Ended failure(Thread *thread, Text *text) {
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback == NULL && error != NULL)
        traceback = PyException_GetTraceback(error);
    if (error != NULL && Py_TYPE(error) == (PyTypeObject *)PyExc_KeyboardInterrupt &&
        !raised_by_a_statement(thread->tracer, traceback)) {
        PyErr_Restore(type, error, traceback);
        return FAILED;
    }
    int done = text_puts(text, "repr raised ");
    if (done == 0 && error != NULL)
        done = leaf_put_type_name(text, error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return done < 0 ? FAILED : DONE;
}

/* repr() without its look at pending signals: a handler runs where the program is, not in here. */
static PyObject *repr_of(PyObject *value) {
    reprfunc own = Py_TYPE(value)->tp_repr;
    if (own == NULL)
        return PyObject_Repr(value);
    if (Py_EnterRecursiveCall(" while getting the repr of an object"))
        return NULL;
    PyObject *shown = own(value);
    Py_LeaveRecursiveCall();
    if (shown != NULL && !PyUnicode_Check(shown)) {
        Py_DECREF(shown);
        PyErr_SetString(PyExc_TypeError, "__repr__ returned non-string");
        return NULL;
    }
    return shown;
}

Ended contain(void *context, PyObject *value, Text *text, int *failed) {
    Thread *thread = context;
    PyThreadState *state = PyThreadState_Get();
    Suspension saved;
    thread->in_repr = 1;
    thread->repr_left = REPR_LINES;
    thread->repr_spent = 0;
    Py_INCREF(thread);
    Py_INCREF(value);
    tracing_suspend(state, &saved);
    PyObject *shown = repr_of(value);
    tracing_resume(state, &saved);
    /* The repr may have taken the trace function away. */
    if (!tracer_in_place(thread)) {
        PyObject *type, *error, *traceback;
        PyErr_Fetch(&type, &error, &traceback);
        tracer_install(thread);
        PyErr_Restore(type, error, traceback);
    }
    thread->in_repr = 0;
    Ended ended = DONE;
    *failed = shown == NULL || thread->repr_spent;
    if (shown == NULL && !thread->repr_spent) {
        ended = failure(thread, text);
    } else if (thread->repr_spent) {
        char line[64];
        PyErr_Clear();
        snprintf(line, sizeof line, "repr ran over %d lines", REPR_LINES);
        ended = text_puts(text, line) < 0 ? FAILED : DONE;
    } else {
        ended = text_put_str(text, shown) < 0 ? FAILED : DONE;
    }
    Py_XDECREF(shown);
    Py_DECREF(value);
    Py_DECREF(thread);
    return ended;
}

/* The first time, what handles the exception has as many lines again; then every event raises, in the handlers too, until
 * nothing is left that could catch it. */
int on_repr_event(Thread *thread, int what) {
    if (what == PyTrace_LINE) {
        if (--thread->repr_left >= 0)
            return 0;
        if (!thread->repr_spent) {
            thread->repr_spent = 1;
            thread->repr_left = REPR_LINES;
        }
    } else if (what != PyTrace_CALL || !thread->repr_spent || thread->repr_left >= 0) {
        return 0;
    }
    PyErr_SetNone(thread->tracer->over_budget);
    return -1;
}
