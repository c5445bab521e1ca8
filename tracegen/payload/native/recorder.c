#include "recorder.h"

#include <time.h>

static long long now(void) {
    struct timespec time;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time); /* some milliseconds, and a fourth of the price */
#else
    clock_gettime(CLOCK_MONOTONIC, &time);
#endif
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Intervals and streams. */

void interval_release(Interval *interval) {
    if (interval != NULL && --interval->owners == 0)
        PyMem_RawFree(interval);
}

void stream_number(Recorder *recorder, Stream *stream) {
    if (stream->number < 0)
        stream->number = recorder->streams++;
}

void stream_free(Stream *stream) {
    for (int i = 0; i < stream->count; i++)
        interval_release(stream->open[i]);
    PyMem_RawFree(stream->open);
    stream->open = NULL;
    stream->count = stream->room = 0;
}

static int stream_add(Stream *stream, Interval *interval) {
    if (stream->count == stream->room) {
        int room = stream->room ? 2 * stream->room : 4;
        Interval **open = PyMem_RawRealloc(stream->open, (size_t)room * sizeof *open);
        if (open == NULL)
            return -1;
        stream->open = open;
        stream->room = room;
    }
    stream->open[stream->count++] = interval;
    interval_keep(interval);
    return 0;
}

static int stream_find(const Stream *stream, const Interval *interval) {
    for (int i = 0; i < stream->count; i++)
        if (stream->open[i] == interval)
            return i;
    return -1;
}

static void stream_remove(Stream *stream, int at) {
    Interval *interval = stream->open[at];
    memmove(stream->open + at, stream->open + at + 1, (size_t)(--stream->count - at) * sizeof *stream->open);
    interval_release(interval);
}

/* Notes.  Without memory for one there is none: the parent sees a trace cut off. */

static void tell_end(Recorder *recorder, Interval *interval) {
    Text *json = &recorder->note;
    if (note_begin(json, "end") < 0 || note_number(json, "trace", (unsigned long long)interval->number) < 0 ||
        note_number(json, "step", interval->end_step) < 0 || note_word(json, "ending", interval->ending) < 0 ||
        note_word(json, "detail", "") < 0 || note_end(json) < 0)
        PyErr_Clear();
    else
        writer_note(recorder->writer, json, 1);
}

void recorder_odd(Recorder *recorder, PyObject *what) {
    Text *json = &recorder->note;
    if (note_begin(json, "odd") < 0 || note_str(json, "what", what) < 0 || note_end(json) < 0)
        PyErr_Clear();
    else
        writer_note(recorder->writer, json, 1);
}

static void odd_ascii(Recorder *recorder, const char *what) {
    Text *json = &recorder->note;
    if (note_begin(json, "odd") < 0 || note_word(json, "what", what) < 0 || note_end(json) < 0)
        PyErr_Clear();
    else
        writer_note(recorder->writer, json, 1);
}

void recorder_end(Recorder *recorder, Stream *stream, Interval *interval, const char *ending) {
    if (interval->told)
        return;
    if (!interval->ended) {
        interval->ended = 1;
        interval->end_step = writer_steps(recorder->writer);
        interval->ending = ending;
    }
    interval->told = 1;
    tell_end(recorder, interval);
    if (interval->before)
        interval->before->after = interval->after;
    else
        recorder->ongoing = interval->after;
    if (interval->after)
        interval->after->before = interval->before;
    else
        recorder->newest = interval->before;
    int at = stream ? stream_find(stream, interval) : -1;
    if (at >= 0)
        stream_remove(stream, at);
    interval_release(interval);
}

int recorder_cut(Recorder *recorder, Stream *stream, const char *ending) {
    int any = stream->count > 0;
    while (stream->count > 0) {
        Interval *interval = stream->open[0];
        if (interval->told)
            stream_remove(stream, 0);
        else
            recorder_end(recorder, stream, interval, ending);
    }
    return any;
}

Interval *recorder_open(Recorder *recorder, Stream *stream, Known *known, int base) {
    Text *json = &recorder->note;
    Interval *interval = PyMem_RawCalloc(1, sizeof *interval);
    if (interval == NULL || note_begin(json, "begin") < 0 ||
        note_number(json, "trace", (unsigned long long)recorder->traces) < 0 ||
        note_number(json, "thread", (unsigned long long)stream->number) < 0 ||
        note_number(json, "step", writer_steps(recorder->writer)) < 0 || note_number(json, "file", known->file) < 0 ||
        note_number(json, "line", (unsigned long long)known->line) < 0 || note_str(json, "name", known->name) < 0 ||
        note_str(json, "node", recorder->node) < 0 ||
        note_number(json, "call", (unsigned long long)known->calls) < 0 || note_end(json) < 0 ||
        stream_add(stream, interval) < 0) {
        PyMem_RawFree(interval);
        PyErr_Clear();
        return NULL;
    }
    if (writer_note(recorder->writer, json, 0) < 0) {
        stream_remove(stream, stream->count - 1); /* its only owner */
        return NULL;
    }
    interval->number = recorder->traces++;
    interval->base = base;
    long long start = now();
    interval->deadline = recorder->nanoseconds > LLONG_MAX - start ? LLONG_MAX : start + recorder->nanoseconds;
    interval->before = recorder->newest;
    if (recorder->newest)
        recorder->newest->after = interval;
    else
        recorder->ongoing = interval;
    recorder->newest = interval;
    interval->owners = 3; /* the stream, those that go on, and the caller */
    recorder->begun = 1;
    known->traces++;
    known->spent = recorder->begin == BEGIN_FUNCTIONS && known->traces >= recorder->each;
    return interval;
}

Interval *recorder_begin(Recorder *recorder, Stream *stream, Known *known) {
    known->calls++;
    int wants;
    if (recorder->begin == BEGIN_FUNCTIONS)
        wants = known->begins && known->traces < recorder->each;
    else if (recorder->begin == BEGIN_OUTERMOST || stream->number > 0)
        wants = stream->count == 0;
    else
        wants = known->begins && !recorder->begun;
    return wants && recorder->writer->open ? recorder_open(recorder, stream, known, stream->depth + 1) : NULL;
}

int recorder_admits(Recorder *recorder, Stream *stream, int depth) {
    if (stream->count == 0 || !recorder->writer->open)
        return 0;
    long long time = 0;
    for (int i = 0; i < stream->count;) {
        Interval *interval = stream->open[i];
        if (interval->ended) {
            stream_remove(stream, i);
            continue;
        }
        if (interval->steps >= recorder->max_events) {
            recorder_end(recorder, stream, interval, "events");
        } else if (depth - interval->base >= recorder->max_depth) {
            recorder_end(recorder, stream, interval, "depth");
        } else {
            if (time == 0)
                time = now();
            if (time > interval->deadline)
                recorder_end(recorder, stream, interval, "seconds");
            else
                i++;
        }
    }
    return stream->count > 0;
}

void recorder_write(Recorder *recorder, Stream *stream, const Known *known, int event, int flags, long line, int depth,
                    const Text *text) {
    long long size = STEP_BYTES + text->size;
    for (int i = 0; i < stream->count;) {
        if (stream->open[i]->bytes + size > recorder->max_bytes)
            recorder_end(recorder, stream, stream->open[i], "bytes");
        else
            i++;
    }
    if (stream->count == 0)
        return;
    if (writer_step(recorder->writer, event, flags, known->file, (uint32_t)line, (uint32_t)depth,
                    (uint16_t)stream->number, text->data, text->size) < 0) {
        recorder_cut(recorder, stream, "memory");
        return;
    }
    for (int i = 0; i < stream->count; i++) {
        stream->open[i]->steps++;
        stream->open[i]->bytes += size;
    }
}

static void mark(Recorder *recorder, Stream *stream, Interval *interval, int event) {
    if (writer_step(recorder->writer, event, 0, 0, (uint32_t)interval->number, 0, (uint16_t)stream->number, NULL, 0) < 0)
        recorder_end(recorder, stream, interval, "memory");
}

void recorder_pause(Recorder *recorder, Stream *stream, Interval *interval) {
    int at = stream_find(stream, interval);
    if (at >= 0) {
        stream_remove(stream, at);
        mark(recorder, stream, interval, EVENT_PAUSE);
    }
}

void recorder_resume(Recorder *recorder, Stream *stream, Interval *interval, int base) {
    if (interval->ended || stream_find(stream, interval) >= 0)
        return;
    interval->base = base;
    if (stream_add(stream, interval) < 0)
        recorder_end(recorder, stream, interval, "memory");
    else
        mark(recorder, stream, interval, EVENT_RESUME);
}

/* Code. */

static size_t slot_of(const Recorder *recorder, const PyObject *code) {
    size_t at = ((uintptr_t)code >> 4) * 0x9e3779b97f4a7c15ull >> 20 & (recorder->codes_room - 1);
    while (recorder->codes[at] != NULL && recorder->codes[at]->code != code)
        at = (at + 1) & (recorder->codes_room - 1);
    return at;
}

static int codes_grow(Recorder *recorder) {
    if (recorder->codes_count * 2 < recorder->codes_room)
        return 0;
    size_t room = recorder->codes_room ? 2 * recorder->codes_room : 64;
    Known **codes = PyMem_RawCalloc(room, sizeof *codes);
    if (codes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_RawFree(recorder->codes);
    recorder->codes = codes;
    recorder->codes_room = room;
    for (Known *known = recorder->first; known != NULL; known = known->next)
        codes[slot_of(recorder, known->code)] = known;
    return 0;
}

static void known_free(Known *known) {
    for (Py_ssize_t i = 0; known->quoted != NULL && i < known->count; i++)
        text_free(&known->quoted[i]);
    PyMem_RawFree(known->quoted);
    PyMem_RawFree(known->places);
    Py_XDECREF(known->idle);
    Py_XDECREF(known->code);
    Py_XDECREF(known->name);
    Py_XDECREF(known->names);
    Py_XDECREF(known->instructions);
    PyMem_RawFree(known);
}

/* From what scope.py tells: (file, line, begins, generator, spent, name, names). */
static Known *known_make(PyCodeObject *code, PyObject *told) {
    unsigned int file;
    long line;
    int begins, generator, spent;
    PyObject *name, *names;
    if (!PyTuple_Check(told)) {
        PyErr_SetString(PyExc_TypeError, "what is known of a code object is a tuple");
        return NULL;
    }
    if (!PyArg_ParseTuple(told, "IlpppUO", &file, &line, &begins, &generator, &spent, &name, &names))
        return NULL;
    Known *known = PyMem_RawCalloc(1, sizeof *known);
    if (known == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    known->file = file;
    known->line = line;
    known->begins = begins;
    known->generator = generator;
    known->spent = spent;
    Py_INCREF(code);
    known->code = (PyObject *)code;
    Py_INCREF(name);
    known->name = name;
    if (names != Py_None) {
        Py_INCREF(names);
        known->names = names;
    }
    known->instructions = code_instructions(code);
    if (known->instructions == NULL)
        goto failed;
    if (known->names == NULL)
        return known;
    Py_ssize_t count = PyTuple_GET_SIZE(known->names);
    known->places = PyMem_RawCalloc((size_t)count + 1, sizeof *known->places);
    known->quoted = PyMem_RawCalloc((size_t)count + 1, sizeof *known->quoted);
    if (known->places == NULL || known->quoted == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    known->count = count;
    for (Py_ssize_t i = 0; i < count; i++)
        if (text_put_str_quoted(&known->quoted[i], PyTuple_GET_ITEM(known->names, i)) < 0 ||
            text_puts(&known->quoted[i], ": ") < 0)
            goto failed;
    if (places_of(code, known->names, known->places) == 0)
        return known;
failed:
    known_free(known);
    return NULL;
}

Known *recorder_known(Recorder *recorder, PyCodeObject *code) {
    if (recorder->codes_room) {
        Known *known = recorder->codes[slot_of(recorder, (PyObject *)code)];
        if (known != NULL)
            return known;
    }
    if (!PyUnicode_CheckExact(code->co_filename))
        return NULL;
    PyObject *number = PyDict_GetItemWithError(recorder->files, code->co_filename);
    if (number == NULL && PyErr_Occurred())
        return NULL;
    if (number != NULL && PyLong_Check(number) && PyLong_AsLong(number) < 0)
        return NULL;
    PyThreadState *state = PyThreadState_Get();
    headroom_give(state);
    PyObject *told = PyObject_CallFunctionObjArgs(recorder->ask, code, NULL);
    headroom_take(state);
    if (told == NULL || told == Py_None) {
        Py_XDECREF(told);
        return NULL;
    }
    Known *known = codes_grow(recorder) < 0 ? NULL : known_make(code, told);
    Py_DECREF(told);
    if (known == NULL)
        return NULL;
    if (recorder->last)
        recorder->last->next = known;
    else
        recorder->first = known;
    recorder->last = known;
    recorder->codes[slot_of(recorder, (PyObject *)code)] = known;
    recorder->codes_count++;
    return known;
}

/* The Python type. */

/* Limits may be infinite. */
static long long whole(double number) {
    return number >= 9e18 ? LLONG_MAX : (long long)number;
}

static int take_begin(Recorder *recorder, const char *begin) {
    static const char *const NAMES[] = {"code", "functions", "outermost"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(begin, NAMES[i]) == 0) {
            recorder->begin = (Begin)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "no such beginning of a trace: '%s'", begin);
    return -1;
}

static int recorder_init(PyObject *self, PyObject *args, PyObject *unused) {
    (void)unused;
    Recorder *recorder = (Recorder *)self;
    PyObject *writer, *ask, *files, *node;
    const char *begin;
    long long each;
    double events, seconds, bytes, characters, depth;
    if (!PyArg_ParseTuple(args, "O!OO!sL(ddddd)U", &WriterType, &writer, &ask, &PyDict_Type, &files, &begin, &each,
                          &events, &seconds, &bytes, &characters, &depth, &node))
        return -1;
    if (recorder->writer != NULL) {
        PyErr_SetString(PyExc_ValueError, "a recorder records once");
        return -1;
    }
    if (take_begin(recorder, begin) < 0)
        return -1;
    recorder->each = each;
    recorder->max_events = whole(events);
    recorder->nanoseconds = whole(seconds * 1e9);
    recorder->max_bytes = whole(bytes);
    recorder->characters = whole(characters);
    recorder->max_depth = depth < INT_MAX ? (int)depth : INT_MAX;
    Py_INCREF(writer);
    recorder->writer = (Writer *)writer;
    Py_INCREF(ask);
    recorder->ask = ask;
    Py_INCREF(files);
    recorder->files = files;
    Py_INCREF(node);
    recorder->node = node;
    return 0;
}

static void recorder_dealloc(PyObject *self) {
    Recorder *recorder = (Recorder *)self;
    for (Known *known = recorder->first, *next; known != NULL; known = next) {
        next = known->next;
        known_free(known);
    }
    for (Interval *interval = recorder->ongoing, *after; interval != NULL; interval = after) {
        after = interval->after;
        interval_release(interval);
    }
    PyMem_RawFree(recorder->codes);
    text_free(&recorder->note);
    Py_XDECREF(recorder->writer);
    Py_XDECREF(recorder->ask);
    Py_XDECREF(recorder->files);
    Py_XDECREF(recorder->node);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *recorder_odd_method(PyObject *self, PyObject *what) {
    if (!PyUnicode_Check(what)) {
        PyErr_SetString(PyExc_TypeError, "odd() takes a str");
        return NULL;
    }
    recorder_odd((Recorder *)self, what);
    Py_RETURN_NONE;
}

/* For each function of the program: calls seen, traces begun.  -1 if there is no room. */
static int tell_calls(Recorder *recorder) {
    Text *json = &recorder->note;
    for (Known *known = recorder->first; known != NULL; known = known->next) {
        if (!known->begins)
            continue;
        if (note_begin(json, "calls") < 0 || note_number(json, "file", known->file) < 0 ||
            note_number(json, "line", (unsigned long long)known->line) < 0 || note_str(json, "name", known->name) < 0 ||
            note_number(json, "calls", (unsigned long long)known->calls) < 0 ||
            note_number(json, "traces", (unsigned long long)known->traces) < 0 || note_end(json) < 0) {
            PyErr_Clear();
            return -1;
        }
        if (writer_note(recorder->writer, json, 0) < 0)
            return -1;
    }
    return 0;
}

static PyObject *recorder_let_go(PyObject *self, PyObject *unused) {
    (void)unused;
    ((Recorder *)self)->writer->open = 0;
    Py_RETURN_NONE;
}

static PyObject *recorder_finish(PyObject *self, PyObject *unused) {
    Recorder *recorder = (Recorder *)self;
    while (recorder->ongoing != NULL)
        recorder_end(recorder, NULL, recorder->ongoing, "unfinished");
    if (recorder->begin == BEGIN_FUNCTIONS && tell_calls(recorder) < 0)
        odd_ascii(recorder, "no room for the calls of every function");
    if (note_begin(&recorder->note, "finish") < 0 || note_end(&recorder->note) < 0)
        PyErr_Clear();
    else
        writer_note(recorder->writer, &recorder->note, 1);
    return recorder_let_go(self, unused);
}

static PyObject *recorder_get_node(PyObject *self, void *unused) {
    (void)unused;
    PyObject *node = ((Recorder *)self)->node;
    Py_INCREF(node);
    return node;
}

static int recorder_set_node(PyObject *self, PyObject *node, void *unused) {
    (void)unused;
    if (node == NULL || !PyUnicode_Check(node)) {
        PyErr_SetString(PyExc_TypeError, "node must be a str");
        return -1;
    }
    PyObject *before = ((Recorder *)self)->node;
    Py_INCREF(node);
    ((Recorder *)self)->node = node;
    Py_DECREF(before);
    return 0;
}

static PyMethodDef METHODS[] = {
    {"odd", recorder_odd_method, METH_O, "Note something that a reader of the traces should know."},
    {"finish", recorder_finish, METH_NOARGS, "The process ends in good order: the books are written."},
    {"let_go", recorder_let_go, METH_NOARGS, "Write no more: at the end, and at once in a forked child."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef GETTERS[] = {
    {"node", recorder_get_node, recorder_set_node, "The test that runs; it names the traces that begin meanwhile.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject RecorderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tracer.Recorder",
    .tp_basicsize = sizeof(Recorder),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Decides and keeps books; writes the wire.  Recorder(writer, ask, files, begin, each,\n"
              "(events, seconds, bytes, characters, depth), node).",
    .tp_new = PyType_GenericNew,
    .tp_init = recorder_init,
    .tp_dealloc = recorder_dealloc,
    .tp_methods = METHODS,
    .tp_getset = GETTERS,
};
