#include "tracer.h"

/* Threads. */

static PyObject *key_of(Tracer *tracer) {
    return PyLong_FromVoidPtr(tracer);
}

Thread *tracer_thread(Tracer *tracer) {
    PyObject *kept = PyThreadState_GetDict(), *key = key_of(tracer);
    Thread *thread = NULL;
    if (kept != NULL && key != NULL)
        thread = (Thread *)PyDict_GetItemWithError(kept, key);
    if (thread == NULL && kept != NULL && key != NULL && !PyErr_Occurred()) {
        thread = PyObject_New(Thread, &ThreadType);
        if (thread != NULL) {
            memset((char *)thread + sizeof(PyObject), 0, sizeof *thread - sizeof(PyObject));
            Py_INCREF(tracer);
            thread->tracer = tracer;
            thread->stream.number = -1;
            thread->renderer.policy = tracer->policy;
            thread->renderer.contain = contain;
            thread->renderer.context = thread;
            int done = PyDict_SetItem(kept, key, (PyObject *)thread);
            Py_DECREF(thread); /* the dict of the thread keeps it */
            if (done < 0)
                thread = NULL;
        }
    }
    if (kept == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_SystemError, "a thread without a dict");
    Py_XDECREF(key);
    return thread;
}

static void thread_dealloc(PyObject *self) {
    Thread *thread = (Thread *)self;
    thread_forget(thread);
    PyMem_RawFree(thread->running);
    stream_free(&thread->stream);
    text_free(&thread->renderer.out);
    text_free(&thread->line);
    text_free(&thread->bare);
    Tracer *tracer = thread->tracer;
    PyObject_Free(self);
    Py_XDECREF(tracer);
}

static void set_trace(Tracer *tracer, Py_tracefunc function, PyObject *object) {
    tracer->setting++;
    PyEval_SetTrace(function, object);
    tracer->setting--;
}

void tracer_install(Thread *thread) {
    set_trace(thread->tracer, on_event, (PyObject *)thread);
}

int tracer_in_place(const Thread *thread) {
    PyThreadState *state = PyThreadState_Get();
    return state->c_tracefunc == on_event && state->c_traceobj == (PyObject *)thread;
}

/* Whether this thread's trace function is ours, though perhaps as a Python function that has not been called yet. */
static int is_ours(Tracer *tracer, Thread *thread) {
    PyObject *object = PyThreadState_Get()->c_traceobj;
    return object != NULL && (object == (PyObject *)thread || object == (PyObject *)tracer);
}

/* Called as a Python trace function: in a new thread, for threading.settrace knows only those; or because somebody put
 * sys.gettrace()'s answer back.  Becomes the C trace function again. */
static PyObject *called(Tracer *tracer, PyObject *args) {
    PyObject *frame, *event, *arg;
    static const char *const EVENTS[] = {"call", "exception", "line", "return"};
    if (!PyArg_ParseTuple(args, "O!UO", &PyFrame_Type, &frame, &event, &arg))
        return NULL;
    Thread *thread = tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    int what = 0;
    while (what < 4 && PyUnicode_CompareWithASCIIString(event, EVENTS[what]) != 0)
        what++;
    Py_INCREF(tracer);
    Py_INCREF(thread);
    int done = 0;
    if (!tracer_in_place(thread)) {
        recorder_cut(tracer->recorder, &thread->stream, "untraced");
        thread_forget(thread);
        tracer_install(thread);
        if (what == PyTrace_CALL)
            done = on_event((PyObject *)thread, (PyFrameObject *)frame, what, arg);
    }
    Py_DECREF(thread);
    Py_DECREF(tracer);
    if (done < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *thread_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    return called(((Thread *)self)->tracer, args);
}

static PyObject *tracer_call(PyObject *self, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    return called((Tracer *)self, args);
}

/* Starting and stopping. */

/* An attribute of the module threading: new reference.  By an interned name: CPython's cache of lookups keeps every
 * other string that it is asked for. */
static PyObject *of_threading(const char *name) {
    PyObject *module = PyImport_ImportModule("threading"), *key = PyUnicode_InternFromString(name);
    PyObject *found = module && key ? PyObject_GetAttr(module, key) : NULL;
    Py_XDECREF(key);
    Py_XDECREF(module);
    return found;
}

/* threading.settrace(function); -1 with an exception set. */
static int set_threading(PyObject *function) {
    PyObject *set = of_threading("settrace");
    PyObject *done = set ? PyObject_CallFunctionObjArgs(set, function, NULL) : NULL;
    Py_XDECREF(set);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *tracer_start(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"threads", NULL};
    Tracer *tracer = (Tracer *)self;
    int threads = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", names, &threads))
        return NULL;
    Thread *thread = tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    PyThreadState *state = PyThreadState_Get();
    tracer->displaced = state->c_tracefunc;
    Py_XINCREF(state->c_traceobj);
    Py_XSETREF(tracer->displaced_object, state->c_traceobj);
    if (threads) {
        PyObject *hook = of_threading("_trace_hook");
        if (hook == NULL || set_threading(self) < 0) {
            Py_XDECREF(hook);
            return NULL;
        }
        Py_XSETREF(tracer->displaced_threading, hook);
    }
    PyObject *before = tracer->displaced_object ? tracer->displaced_object : Py_None;
    Py_INCREF(before);
    tracer_install(thread);
    return before;
}

/* threading.settrace as it was before, if it is still ours. */
static int put_back_threading(Tracer *tracer) {
    PyObject *hook = of_threading("_trace_hook");
    PyObject *before = tracer->displaced_threading ? tracer->displaced_threading : Py_None;
    int done = hook == NULL ? -1 : hook == (PyObject *)tracer ? set_threading(before) : 0;
    Py_XDECREF(hook);
    Py_CLEAR(tracer->displaced_threading);
    return done;
}

static PyObject *tracer_stop(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"threads", NULL};
    Tracer *tracer = (Tracer *)self;
    int threads = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", names, &threads))
        return NULL;
    Thread *thread = tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    int in_place = is_ours(tracer, thread);
    Py_INCREF(thread);
    if (in_place)
        set_trace(tracer, tracer->displaced, tracer->displaced_object);
    else
        recorder_cut(tracer->recorder, &thread->stream, "untraced");
    Py_CLEAR(tracer->displaced_object);
    tracer->displaced = NULL;
    thread_forget(thread);
    Py_DECREF(thread);
    if (threads && put_back_threading(tracer) < 0)
        return NULL;
    return PyBool_FromLong(in_place);
}

static PyObject *tracer_lost(PyObject *self, PyObject *unused) {
    (void)unused;
    Tracer *tracer = (Tracer *)self;
    Thread *thread = tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    stream_number(tracer->recorder, &thread->stream);
    return PyBool_FromLong(recorder_cut(tracer->recorder, &thread->stream, "untraced"));
}

/* A trace inside a running activation. */

static PyObject *tracer_enter(PyObject *self, PyObject *frame) {
    Tracer *tracer = (Tracer *)self;
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "enter() takes a frame");
        return NULL;
    }
    Known *known = recorder_known(tracer->recorder, frame_code((PyFrameObject *)frame));
    Thread *thread = PyErr_Occurred() ? NULL : tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    if (known == NULL)
        Py_RETURN_NONE;
    Stream *stream = &thread->stream;
    stream_number(tracer->recorder, stream);
    Interval *interval = recorder_open(tracer->recorder, stream, known, stream->depth + 1);
    if (interval == NULL)
        Py_RETURN_NONE;
    Activation *activation = activation_begin(self, known, stream->depth + 1, interval);
    if (activation == NULL || thread_push(thread, activation, (PyFrameObject *)frame) < 0) {
        Py_XDECREF(activation);
        return NULL;
    }
    stream->depth++;
    if (known->generator)
        frame_set_trace((PyFrameObject *)frame, (PyObject *)activation);
    return (PyObject *)activation;
}

static PyObject *tracer_leave(PyObject *self, PyObject *args) {
    Tracer *tracer = (Tracer *)self;
    PyObject *frame, *handle;
    const char *ending;
    if (!PyArg_ParseTuple(args, "O!O!s", &PyFrame_Type, &frame, &ActivationType, &handle, &ending))
        return NULL;
    Activation *activation = (Activation *)handle;
    Thread *thread = tracer_thread(tracer);
    if (thread == NULL)
        return NULL;
    if (activation->interval != NULL) {
        static const char *const ENDINGS[] = {"left", "returned", "raised", "unfinished"};
        for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) /* an interval keeps no copy */
            if (strcmp(ending, ENDINGS[i]) == 0)
                recorder_end(tracer->recorder, &thread->stream, activation->interval, ENDINGS[i]);
        thread->stream.depth = activation->interval->base - 1;
    }
    thread_pop(thread, activation);
    if (frame_trace((PyFrameObject *)frame) == handle)
        frame_set_trace((PyFrameObject *)frame, NULL);
    Py_RETURN_NONE;
}

static PyObject *tracer_close(PyObject *self, PyObject *unused) {
    (void)unused;
    PyObject *kept = PyThreadState_GetDict(), *key = key_of((Tracer *)self);
    if (key == NULL)
        return NULL;
    if (kept != NULL && PyDict_Contains(kept, key) == 1 && PyDict_DelItem(kept, key) < 0) {
        Py_DECREF(key);
        return NULL;
    }
    Py_DECREF(key);
    Py_RETURN_NONE;
}

/* The Python type. */

static int take_policy(Tracer *tracer, const char *policy) {
    static const char *const NAMES[] = {"repr", "safe", "fields"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(policy, NAMES[i]) == 0) {
            tracer->policy = (Policy)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "no such value policy: '%s'; there are repr, safe, fields", policy);
    return -1;
}

static int tracer_init(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"recorder", "policy", "flags", NULL};
    Tracer *tracer = (Tracer *)self;
    PyObject *recorder;
    const char *policy, *flags;
    Py_ssize_t count;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!sy#", names, &RecorderType, &recorder, &policy, &flags, &count))
        return -1;
    if (count != 256 || tracer->recorder != NULL) {
        PyErr_SetString(PyExc_ValueError, "a tracer takes 256 flags, once");
        return -1;
    }
    if (take_policy(tracer, policy) < 0)
        return -1;
    memcpy(tracer->flags, flags, 256);
    tracer->over_budget = PyErr_NewException("tracer.OverBudget", PyExc_BaseException, NULL);
    if (tracer->over_budget == NULL)
        return -1;
    Py_INCREF(recorder);
    tracer->recorder = (Recorder *)recorder;
    return 0;
}

static void tracer_dealloc(PyObject *self) {
    Tracer *tracer = (Tracer *)self;
    Py_XDECREF(tracer->recorder);
    Py_XDECREF(tracer->over_budget);
    Py_XDECREF(tracer->displaced_object);
    Py_XDECREF(tracer->displaced_threading);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *tracer_get_recorder(PyObject *self, void *unused) {
    (void)unused;
    PyObject *recorder = (PyObject *)((Tracer *)self)->recorder;
    Py_INCREF(recorder);
    return recorder;
}

static PyObject *tracer_get_setting(PyObject *self, void *unused) {
    (void)unused;
    return PyBool_FromLong(((Tracer *)self)->setting);
}

static PyObject *tracer_get_in_repr(PyObject *self, void *unused) {
    (void)unused;
    Thread *thread = tracer_thread((Tracer *)self);
    return thread ? PyBool_FromLong(thread->in_repr) : NULL;
}

static PyMethodDef METHODS[] = {
    {"start", (PyCFunction)(void (*)(void))tracer_start, METH_VARARGS | METH_KEYWORDS,
     "Trace this thread, and those that start from now on; returns the trace function that stood before."},
    {"stop", (PyCFunction)(void (*)(void))tracer_stop, METH_VARARGS | METH_KEYWORDS,
     "Put back what stood before; false if the tracer was not in its place any more."},
    {"lost", tracer_lost, METH_NOARGS,
     "This thread's trace function was replaced by another: end its traces; true if it had any."},
    {"enter", tracer_enter, METH_O,
     "Begin a trace inside a running activation: its steps from here on, without its CALL."},
    {"leave", tracer_leave, METH_VARARGS, "End what `enter` began."},
    {"close", tracer_close, METH_NOARGS, "Forget this thread: the tracer is not started again."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef GETTERS[] = {
    {"recorder", tracer_get_recorder, NULL, "The recorder.", NULL},
    {"setting", tracer_get_setting, NULL, "True while the tracer itself sets the trace function.", NULL},
    {"in_repr", tracer_get_in_repr, NULL, "Whether this thread is inside a foreign repr that the tracer called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject TracerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tracer.Tracer",
    .tp_basicsize = sizeof(Tracer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Drives a recorder from PyEval_SetTrace.  Tracer(recorder, policy, flags).",
    .tp_new = PyType_GenericNew,
    .tp_init = tracer_init,
    .tp_dealloc = tracer_dealloc,
    .tp_call = tracer_call,
    .tp_methods = METHODS,
    .tp_getset = GETTERS,
};

PyTypeObject ThreadType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tracer.Thread",
    .tp_basicsize = sizeof(Thread),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "What the tracer keeps for a thread; sys.gettrace() shows it.",
    .tp_dealloc = thread_dealloc,
    .tp_call = thread_call,
};
