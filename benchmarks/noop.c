/* What the benchmarks compare a tracer in C with: one that does nothing, and one that only writes.

   start(), stop(): PyEval_SetTrace with a function that returns at once.
   written(text, records): nanoseconds for copying a trace, step by step, into memory that is fresh.  `records` are
   24 bytes each and begin with the u64 at which the step's text ends (docs/wire.md).  Knows nothing of values. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RECORD 24

static int
nothing(PyObject *self, PyFrameObject *frame, int what, PyObject *argument)
{
    (void)self, (void)frame, (void)what, (void)argument;
    return 0;
}

static PyObject *
start(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyEval_SetTrace(nothing, NULL);
    Py_RETURN_NONE;
}

static PyObject *
stop(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyEval_SetTrace(NULL, NULL);
    Py_RETURN_NONE;
}

static int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static PyObject *
written(PyObject *module, PyObject *args)
{
    Py_buffer text, records;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*", &text, &records))
        return NULL;
    size_t room = (size_t)text.len + (size_t)records.len + 1;
    int64_t nanoseconds = -1;
    char *fresh = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fresh != MAP_FAILED) {
        const char *from = text.buf, *record = records.buf;
        char *lane = fresh + text.len;
        uint64_t at = 0, end;
        int64_t started = now();
        for (Py_ssize_t done = 0; done + RECORD <= records.len; done += RECORD) {
            memcpy(&end, record + done, sizeof end);
            if (end < at || end > (uint64_t)text.len)
                break;
            memcpy(fresh + at, from + at, end - at);
            memcpy(lane + done, record + done, RECORD);
            at = end;
        }
        nanoseconds = now() - started;
        munmap(fresh, room);
    }
    PyBuffer_Release(&text);
    PyBuffer_Release(&records);
    if (nanoseconds < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLongLong(nanoseconds);
}

static PyMethodDef methods[] = {
    {"start", start, METH_NOARGS, "Trace this thread with a function that does nothing."},
    {"stop", stop, METH_NOARGS, "Trace it no more."},
    {"written", written, METH_VARARGS, "Nanoseconds for writing a trace's text and records."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "noop", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_noop(void)
{
    return PyModule_Create(&definition);
}
