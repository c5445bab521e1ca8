/* Events as steps: what one CALL, LINE, RETURN or EXCEPTION of a frame becomes on the wire. */
#include "tracer.h"

static const char ASYNC_YIELD[] = "async_generator_wrapped_value";

/* Frames that run. */

int thread_push(Thread *thread, Activation *activation, PyFrameObject *frame) {
    if (thread->height == thread->room) {
        int room = thread->room ? 2 * thread->room : 64;
        Activation **running = PyMem_RawRealloc(thread->running, (size_t)room * sizeof *running);
        if (running == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        thread->running = running;
        thread->room = room;
    }
    if (thread->missed == frame)
        thread->missed = NULL;
    activation->frame = frame;
    Py_INCREF(activation);
    thread->running[thread->height++] = activation;
    return 0;
}

void thread_pop(Thread *thread, Activation *activation) {
    for (int at = thread->height; --at >= 0;) {
        if (thread->running[at] == activation) {
            memmove(thread->running + at, thread->running + at + 1,
                    (size_t)(--thread->height - at) * sizeof *thread->running);
            activation->frame = NULL;
            Py_DECREF(activation);
            return;
        }
    }
}

void thread_forget(Thread *thread) {
    thread->missed = NULL;
    while (thread->height > 0) {
        Activation *activation = thread->running[--thread->height];
        activation->frame = NULL;
        Py_DECREF(activation);
    }
}

/* The activation of a frame that runs, borrowed; NULL for one that is not entered.  Mostly the innermost; another where
 * greenlets switch stacks. */
static Activation *running(Thread *thread, PyFrameObject *frame) {
    int at = thread->height - 1;
    if (at < 0 || thread->missed == frame)
        return NULL;
    for (; at >= 0; at--)
        if (thread->running[at]->frame == frame)
            return thread->running[at];
    thread->missed = frame;
    return NULL;
}

/* Steps. */

/* Without memory nothing more is recorded; another exception is for the program: a real Ctrl-C. */
static int failed(Thread *thread) {
    if (!PyErr_ExceptionMatches(PyExc_MemoryError))
        return -1;
    PyErr_Clear();
    recorder_cut(thread->tracer->recorder, &thread->stream, "memory");
    return 0;
}

static void write_step(Thread *thread, Activation *activation, PyFrameObject *frame, int event, int flags,
                       const Text *text) {
    int line = frame_line(frame);
    /* From 3.11 on a module is called at line 0, and an instruction of the compiler's own may have no line. */
    if (line > 0)
        activation->line = line;
    recorder_write(thread->tracer->recorder, &thread->stream, activation->known, event, flags, activation->line,
                   activation->depth, text);
}

static int write_changes(Thread *thread, Activation *activation, PyFrameObject *frame, int event) {
    Recorder *recorder = thread->tracer->recorder;
    if (!recorder_admits(recorder, &thread->stream, activation->depth))
        return 0;
    const Activation *caller = thread->height > 1 ? thread->running[thread->height - 2] : NULL;
    if (activation_changes(activation, caller, frame, &thread->renderer, &thread->line, (Py_ssize_t)recorder->characters,
                           event == EVENT_CALL) < 0)
        return failed(thread);
    write_step(thread, activation, frame, event, 0, &thread->line);
    return 0;
}

/* A RETURN's or EXCEPTION's value; NULL where a frame unwinds: None, however short a value may be. */
static int write_value(Thread *thread, Activation *activation, PyFrameObject *frame, int event, int flags,
                       PyObject *value) {
    Recorder *recorder = thread->tracer->recorder;
    Renderer *r = &thread->renderer;
    if (!recorder_admits(recorder, &thread->stream, activation->depth))
        return 0;
    thread->line.size = thread->bare.size = 0;
    if (value == NULL) {
        if (text_puts(&thread->bare, "None") < 0)
            return failed(thread);
        write_step(thread, activation, frame, event, flags, &thread->bare);
        return 0;
    }
    Py_INCREF(value);
    const Text *shown = activation_text(activation, value, r);
    int done = shown == NULL && PyErr_Occurred() ? -1 : 0;
    if (done == 0 && shown == NULL) {
        r->out.size = 0;
        render_begin(r, 0);
        done = render(r, value) == FAILED ? -1 : 0;
        shown = &r->out;
    }
    Py_DECREF(value);
    if (done == 0 && shown->size <= recorder->characters)
        done = text_put_bare(&thread->bare, shown->data, shown->size);
    else if (done == 0 && (done = text_put_cut(&thread->line, shown->data, shown->size, recorder->characters)) == 0)
        done = text_put_bare(&thread->bare, thread->line.data, thread->line.size);
    if (done < 0)
        return failed(thread);
    write_step(thread, activation, frame, event, flags, &thread->bare);
    return 0;
}

/* Events. */

static Activation *suspended(Thread *thread, PyFrameObject *frame) {
    PyObject *local = frame_trace(frame);
    if (local == NULL || Py_TYPE(local) != &ActivationType)
        return NULL;
    Activation *activation = (Activation *)local;
    return activation->tracer == (PyObject *)thread->tracer ? activation : NULL;
}

static int on_call(Thread *thread, PyFrameObject *frame) {
    Recorder *recorder = thread->tracer->recorder;
    if (!recorder->writer->open)
        return 0;
    Known *known = recorder_known(recorder, frame_code(frame));
    if (known == NULL)
        return PyErr_Occurred() ? failed(thread) : 0;
    Stream *stream = &thread->stream;
    stream_number(recorder, stream);
    int resumed = known->generator && instruction_resumes(thread->tracer->flags, known->instructions, frame_lasti(frame));
    Activation *activation = known->generator ? suspended(thread, frame) : NULL;
    if (activation == NULL) {
        if (known->spent && stream->count == 0) {
            /* Most calls of a test suite: nothing is recorded, and nothing begins. */
            known->calls += !resumed;
            return 0;
        }
        /* A generator that started before anything was recorded does not begin a trace halfway. */
        Interval *interval = resumed ? NULL : recorder_begin(recorder, stream, known);
        if (stream->count == 0)
            return 0;
        activation = activation_begin((PyObject *)thread->tracer, known, stream->depth + 1, interval);
        if (activation == NULL)
            return failed(thread);
        if (known->generator)
            frame_set_trace(frame, (PyObject *)activation);
    } else {
        Py_INCREF(activation);
        activation->depth = stream->depth + 1;
        if (activation->interval != NULL)
            recorder_resume(recorder, stream, activation->interval, stream->depth + 1);
    }
    int pushed = thread_push(thread, activation, frame);
    Py_DECREF(activation);
    if (pushed < 0)
        return failed(thread);
    stream->depth = activation->depth;
    activation->raised_count = 0;
    return write_changes(thread, activation, frame, EVENT_CALL);
}

static int visit_first(PyObject *referent, void *found) {
    *(PyObject **)found = referent;
    return 1;
}

/* What an asynchronous generator yields leaves its frame in a wrapper that no Python code sees. */
static PyObject *unwrapped(PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    if (type->tp_traverse == NULL || strcmp(type->tp_name, ASYNC_YIELD) != 0)
        return value;
    PyObject *found = NULL;
    type->tp_traverse(value, visit_first, &found);
    return found ? found : value;
}

static int on_return(Thread *thread, Activation *activation, PyFrameObject *frame, PyObject *value) {
    const Tracer *tracer = thread->tracer;
    const Known *known = activation->known;
    int at = frame_lasti(frame), op = opcode_at(known->instructions, at);
    int yields = instruction_yields(tracer->flags, known->instructions, at);
    /* CPython reports an unwinding as a return of None (up to 3.11 of NULL).  The instruction alone does not tell: see
     * activation.py. */
    int unwinding = (value == NULL || value == Py_None) &&
                    (activation_raised_at(activation, at) ||
                     (!(op >= 0 && (tracer->flags[op] & OP_RETURNS)) && !yields));
    int yielding = !unwinding && known->generator && yields;
    if (yielding && value != NULL)
        value = unwrapped(value);
    int done = write_value(thread, activation, frame, EVENT_RETURN, unwinding ? UNWINDING : 0, unwinding ? NULL : value);
    thread->stream.depth = activation->depth - 1;
    Interval *interval = activation->interval;
    if (interval != NULL) {
        if (yielding)
            recorder_pause(tracer->recorder, &thread->stream, interval);
        else
            recorder_end(tracer->recorder, &thread->stream, interval, unwinding ? "raised" : "returned");
    }
    Py_INCREF(activation);
    thread_pop(thread, activation);
    if (yielding)
        Py_DECREF(activation);
    else
        activation_over(activation);
    return done;
}

int on_event(PyObject *self, PyFrameObject *frame, int what, PyObject *arg) {
    Thread *thread = (Thread *)self;
    if (thread->in_repr)
        return on_repr_event(thread, what);
    if (what == PyTrace_CALL)
        return on_call(thread, frame);
    Activation *activation = running(thread, frame);
    if (activation == NULL)
        return 0;
    switch (what) {
    case PyTrace_LINE:
        if (activation->raised_count)
            activation_reach(activation, frame_lasti(frame));
        return write_changes(thread, activation, frame, EVENT_LINE);
    case PyTrace_EXCEPTION:
        if (activation_raise(activation, frame_lasti(frame)) < 0)
            return failed(thread);
        return write_value(thread, activation, frame, EVENT_EXCEPTION, 0, PyTuple_GET_ITEM(arg, 1));
    case PyTrace_RETURN:
        return on_return(thread, activation, frame, arg);
    default:
        return 0;
    }
}
