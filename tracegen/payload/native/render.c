#include "render.h"

const char *const CYCLES[] = {[LIST] = "[...]", [TUPLE] = "(...)", [DICT] = "{...}",
                              [SET] = "set(...)", [FROZENSET] = "frozenset(...)"};

/* Cut at MAX_CHARACTERS, if they are reached. */
static Ended bounded(Renderer *r) {
    if (r->out.size - r->start < MAX_CHARACTERS)
        return DONE;
    r->characters += text_characters(r->out.data + r->counted, r->out.size - r->counted);
    r->counted = r->out.size;
    if (r->characters < MAX_CHARACTERS)
        return DONE;
    r->out.size = r->start + text_offset(r->out.data + r->start, r->out.size - r->start, MAX_CHARACTERS);
    return ENOUGH;
}

Ended render_put(Renderer *r, const char *bytes, Py_ssize_t size) {
    return text_put(&r->out, bytes, size) < 0 ? FAILED : bounded(r);
}

Ended render_puts(Renderer *r, const char *string) {
    return render_put(r, string, (Py_ssize_t)strlen(string));
}

Ended render_leaf(Renderer *r, PyObject *value) {
    return leaf_put(&r->out, value) < 0 ? FAILED : bounded(r);
}

int render_is_cycle(const Renderer *r, PyObject *value) {
    if (r->depth >= MAX_NESTING)
        return 1;
    for (int i = 0; i < r->depth; i++)
        if (r->inside[i] == value)
            return 1;
    return 0;
}

const char *opening_of(Kind kind, Py_ssize_t size) {
    switch (kind) {
    case LIST:
        return "[";
    case TUPLE:
        return "(";
    case SET:
        return size ? "{" : "set()";
    case FROZENSET:
        return size ? "frozenset({" : "frozenset()";
    default:
        return "{";
    }
}

const char *closing_of(Kind kind, Py_ssize_t size) {
    switch (kind) {
    case LIST:
        return "]";
    case TUPLE:
        return size == 1 ? ",)" : ")";
    case SET:
        return size ? "}" : "";
    case FROZENSET:
        return size ? "})" : "";
    default:
        return "}";
    }
}

Ended items_of(Kind kind, PyObject *container, int own, PyObject ***items, Py_ssize_t *size) {
    Py_ssize_t count = kind == LIST    ? PyList_GET_SIZE(container)
                     : kind == TUPLE   ? PyTuple_GET_SIZE(container)
                     : kind == DICT    ? 2 * ((PyDictObject *)container)->ma_used
                                       : ((PySetObject *)container)->used;
    PyObject **found = PyMem_RawMalloc((size_t)(count ? count : 1) * sizeof *found);
    *items = found;
    *size = 0;
    if (found == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    Py_ssize_t n = 0;
    if (kind == LIST || kind == TUPLE) {
        PyObject **from = kind == LIST ? ((PyListObject *)container)->ob_item : ((PyTupleObject *)container)->ob_item;
        if (count)
            memcpy(found, from, (size_t)count * sizeof *found);
        n = count;
    } else if (kind == DICT) {
        Py_ssize_t at = 0;
        PyObject *key, *value;
        while (n < count && PyDict_Next(container, &at, &key, &value)) {
            found[n++] = key;
            found[n++] = value;
        }
    } else {
        PySetObject *set = (PySetObject *)container;
        for (Py_ssize_t at = 0; at <= set->mask && n < count; at++)
            if (set->table[at].key != NULL && set->table[at].hash != -1) /* -1: a dummy, where something was removed */
                found[n++] = set->table[at].key;
    }
    if (own)
        for (Py_ssize_t i = 0; i < n; i++)
            Py_INCREF(found[i]);
    *size = n;
    return DONE;
}

Ended render_items(Renderer *r, Kind kind, PyObject *container) {
    PyObject **items;
    Py_ssize_t size;
    /* Copied before it is shown: a foreign repr inside may change it. */
    if (items_of(kind, container, 1, &items, &size) == FAILED)
        return FAILED;
    Ended ended = render_puts(r, opening_of(kind, size));
    for (Py_ssize_t i = 0; i < size && ended == DONE; i++) {
        if (i > 0)
            ended = render_puts(r, kind == DICT && i % 2 ? ": " : ", ");
        if (ended == DONE)
            ended = render(r, items[i]);
    }
    if (ended == DONE)
        ended = render_puts(r, closing_of(kind, size));
    for (Py_ssize_t i = 0; i < size; i++)
        Py_DECREF(items[i]);
    PyMem_RawFree(items);
    return ended;
}

Ended render(Renderer *r, PyObject *value) {
    Kind kind = render_kind(r, value);
    if (kind <= SOFT)
        return render_leaf(r, value);
    if (kind == FOREIGN) {
        if (r->pure_only)
            return IMPURE;
        r->impure = 1;
        return render_foreign(r, value);
    }
    if (render_is_cycle(r, value)) {
        if (r->pure_only)
            return IMPURE;
        r->impure = 1;
        return render_puts(r, CYCLES[kind]);
    }
    r->inside[r->depth++] = value;
    Ended ended = render_items(r, kind, value);
    r->depth--;
    return ended;
}
