#include "wire.h"

enum { HEADER_BYTES = 4096, STEPS_COMMITTED = 8, NOTES_COMMITTED = 9, LONGEST_STR = 4000 };

uint64_t writer_steps(const Writer *writer) {
    return writer->open ? writer->steps : 0;
}

/* Little-endian: compilers make one store of it where the machine is. */
static inline void put_le(char *at, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++)
        at[i] = (char)(number >> 8 * i);
}

static inline void put_step(char *at, uint64_t end, uint32_t line, uint32_t file, uint32_t depth, uint16_t thread,
                            int event, int flags) {
    uint64_t place = line | (uint64_t)file << 32;
    uint64_t rest = depth | (uint64_t)thread << 32 | (uint64_t)event << 48 | (uint64_t)flags << 56;
#if !PY_BIG_ENDIAN
    memcpy(at, &end, 8);
    memcpy(at + 8, &place, 8);
    memcpy(at + 16, &rest, 8);
#else
    put_le(at, end, 8);
    put_le(at + 8, place, 8);
    put_le(at + 16, rest, 8);
#endif
}

/* What stands before the count must be in memory before the count is: the process may die in between. */
static void commit(uint64_t *word, uint64_t value) {
#if defined(__GNUC__)
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
#else
    *(volatile uint64_t *)word = value;
#endif
}

int writer_step(Writer *writer, int event, int flags, uint32_t file, uint32_t line, uint32_t depth, uint16_t thread,
                const char *text, Py_ssize_t size) {
    if (!writer->open)
        return 0;
    uint64_t count = writer->steps, end = writer->text + (uint64_t)size;
    if (end > writer->text_bytes || (count + 1) * STEP_BYTES > writer->steps_bytes)
        return -1;
    char *base = writer->buffer.buf;
    if (size)
        memcpy(base + writer->text_at + writer->text, text, (size_t)size);
    put_step(base + writer->steps_at + count * STEP_BYTES, end, line, file, depth, thread, event, flags);
    writer->text = end;
    writer->steps = count + 1;
    commit(&writer->words[STEPS_COMMITTED], writer->steps);
    return 0;
}

int writer_note(Writer *writer, const Text *json, int last) {
    if (!writer->open)
        return 0;
    uint64_t used = writer->notes, end = used + 4 + (uint64_t)json->size;
    if (end > (last ? writer->notes_bytes : writer->notes_bytes - writer->notes_bytes / 8))
        return -1;
    char *at = (char *)writer->buffer.buf + writer->notes_at + used;
    put_le(at, (uint64_t)json->size, 4);
    memcpy(at + 4, json->data, (size_t)json->size);
    writer->notes = end;
    commit(&writer->words[NOTES_COMMITTED], end);
    return 0;
}

static int put_key(Text *json, const char *key) {
    return text_puts(json, json->size > 1 ? ",\"" : "\"") < 0 || text_puts(json, key) < 0 || text_puts(json, "\":") < 0
        ? -1 : 0;
}

int note_begin(Text *json, const char *kind) {
    json->size = 0;
    return text_put(json, "{", 1) < 0 ? -1 : note_word(json, "note", kind);
}

int note_number(Text *json, const char *key, unsigned long long number) {
    return put_key(json, key) < 0 ? -1 : text_put_number(json, number);
}

int note_word(Text *json, const char *key, const char *ascii) {
    return put_key(json, key) < 0 ? -1 : text_put_quoted(json, ascii, (Py_ssize_t)strlen(ascii));
}

int note_str(Text *json, const char *key, PyObject *str) {
    if (put_key(json, key) < 0)
        return -1;
    if (PyUnicode_GetLength(str) <= LONGEST_STR)
        return text_put_str_quoted(json, str);
    /* Short enough for a note even if every character is escaped. */
    PyObject *beginning = PyUnicode_Substring(str, 0, LONGEST_STR);
    int done = beginning == NULL ? -1 : text_put_str_quoted(json, beginning);
    Py_XDECREF(beginning);
    if (done < 0)
        return -1;
    json->size--; /* the quote */
    return text_puts(json, "...\"");
}

int note_end(Text *json) {
    return text_put(json, "}", 1);
}

static int writer_init(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"buffer", "full", NULL};
    Writer *writer = (Writer *)self;
    PyObject *buffer, *full;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &buffer, &full))
        return -1;
    if (writer->buffer.obj != NULL) {
        PyErr_SetString(PyExc_ValueError, "a writer writes one wire");
        return -1;
    }
    if (PyObject_GetBuffer(buffer, &writer->buffer, PyBUF_WRITABLE | PyBUF_SIMPLE) < 0)
        return -1;
    uint64_t *words = writer->buffer.buf;
    if (writer->buffer.len < HEADER_BYTES || memcmp(words, "FORETRAC", 8) != 0 || words[1] != 1) {
        PyErr_SetString(PyExc_ValueError, "not a wire of version 1");
        return -1;
    }
    uint64_t length = (uint64_t)writer->buffer.len;
    for (int lane = 2; lane < 8; lane += 2) {
        if (words[lane] > length || words[lane + 1] > length - words[lane]) {
            PyErr_SetString(PyExc_ValueError, "a lane lies outside of the wire");
            return -1;
        }
    }
    writer->words = words;
    writer->steps_at = words[2], writer->steps_bytes = words[3];
    writer->text_at = words[4], writer->text_bytes = words[5];
    writer->notes_at = words[6], writer->notes_bytes = words[7];
    Py_INCREF(full);
    writer->full = full;
    writer->open = 1;
    return 0;
}

static void writer_dealloc(PyObject *self) {
    Writer *writer = (Writer *)self;
    PyBuffer_Release(&writer->buffer);
    Py_XDECREF(writer->full);
    Py_TYPE(self)->tp_free(self);
}

/* note(kind, /, last=False, **values): values are str or int. */
static PyObject *writer_note_method(PyObject *self, PyObject *args, PyObject *kwargs) {
    Writer *writer = (Writer *)self;
    const char *kind;
    if (!PyArg_ParseTuple(args, "s:note", &kind))
        return NULL;
    if (!writer->open)
        Py_RETURN_NONE;
    Text json = {0};
    int last = 0, done = note_begin(&json, kind);
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (done == 0 && kwargs != NULL && PyDict_Next(kwargs, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8(key);
        if (name == NULL) {
            done = -1;
        } else if (strcmp(name, "last") == 0) {
            done = (last = PyObject_IsTrue(value)) < 0 ? -1 : 0;
        } else if (PyUnicode_CheckExact(value)) {
            done = note_str(&json, name, value);
        } else {
            unsigned long long number = PyLong_AsUnsignedLongLong(value);
            done = PyErr_Occurred() ? -1 : note_number(&json, name, number);
        }
    }
    if (done == 0 && (done = note_end(&json)) == 0 && writer_note(writer, &json, last) < 0) {
        PyErr_SetNone(writer->full);
        done = -1;
    }
    text_free(&json);
    if (done < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_let_go(PyObject *self, PyObject *unused) {
    (void)unused;
    ((Writer *)self)->open = 0;
    Py_RETURN_NONE;
}

static PyObject *writer_get_open(PyObject *self, void *unused) {
    (void)unused;
    return PyBool_FromLong(((Writer *)self)->open);
}

static PyObject *writer_get_steps(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(writer_steps((Writer *)self));
}

static PyMethodDef METHODS[] = {
    {"note", (PyCFunction)(void (*)(void))writer_note_method, METH_VARARGS | METH_KEYWORDS,
     "Append and commit one note; ``last`` ones may use what is kept back.  Raises Full."},
    {"let_go", writer_let_go, METH_NOARGS, "Never write again: for a forked child, and for the end."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef GETTERS[] = {
    {"open", writer_get_open, NULL, "False once this process must not write any more.", NULL},
    {"steps", writer_get_steps, NULL, "Steps committed so far.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject WriterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tracer.Writer",
    .tp_basicsize = sizeof(Writer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Appends to a wire that is laid out.  Writer(buffer, full): raises ``full`` if a note has no room.",
    .tp_new = PyType_GenericNew,
    .tp_init = writer_init,
    .tp_dealloc = writer_dealloc,
    .tp_methods = METHODS,
    .tp_getset = GETTERS,
};
