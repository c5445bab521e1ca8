/* Foreign objects as the policies show them.  `repr` asks the object, through `contain`; `safe` and `fields` run no
 * foreign code: they read types and attributes through the interpreter's own descriptors. */
#include "render.h"

/* The builtins that a subclass's instance may hold, in the order of values.py. */
typedef enum {
    BASE_EXCEPTION,
    BASE_LIST,
    BASE_TUPLE,
    BASE_DICT,
    BASE_SET,
    BASE_FROZENSET,
    BASE_INT,
    BASE_FLOAT,
    BASE_STR,
    BASE_BYTES,
    BASE_NONE,
} Base;

static int is_kind(PyObject *value, PyTypeObject *kind) {
    PyObject *mro = Py_TYPE(value)->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++)
        if (PyTuple_GET_ITEM(mro, i) == (PyObject *)kind)
            return 1;
    return 0;
}

static Base base_of(PyObject *value) {
    PyTypeObject *kinds[] = {(PyTypeObject *)PyExc_BaseException, &PyList_Type,  &PyTuple_Type,   &PyDict_Type,
                             &PySet_Type,                         &PyFrozenSet_Type, &PyLong_Type, &PyFloat_Type,
                             &PyUnicode_Type,                     &PyBytes_Type};
    for (int base = BASE_EXCEPTION; base < BASE_NONE; base++)
        if (is_kind(value, kinds[base]))
            return (Base)base;
    return BASE_NONE;
}

static Ended put_type_name(Renderer *r, PyObject *value) {
    if (leaf_put_type_name(&r->out, value) < 0)
        return FAILED;
    return render_put(r, "", 0);
}

/* ``<P object>``, or ``<P object (why)>``. */
static Ended put_object(Renderer *r, PyObject *value, const char *why, Py_ssize_t size) {
    Ended ended = render_put(r, "<", 1);
    if (ended == DONE)
        ended = put_type_name(r, value);
    if (ended == DONE)
        ended = render_puts(r, size ? " object (" : " object");
    if (ended == DONE && size)
        ended = render_put(r, why, size);
    return ended == DONE ? render_puts(r, size ? ")>" : ">") : ended;
}

static Ended put_own_repr(Renderer *r, PyObject *value) {
    Text text = {0};
    int failed = 0;
    Ended ended = r->contain(r->context, value, &text, &failed);
    if (ended == DONE && failed) {
        ended = put_object(r, value, text.data, text.size);
    } else if (ended == DONE) {
        text_drop_addresses(&text, 0);
        /* Two halves of a pair, side by side: JSON could not tell them from the character. */
        text_join_surrogates(&text, 0);
        /* ".." is taken: it says that nothing changed. */
        if (text.size == 2 && memcmp(text.data, "..", 2) == 0)
            ended = put_object(r, value, NULL, 0);
        else
            ended = render_put(r, text.data, text.size);
    }
    text_free(&text);
    return ended;
}

/* Items of a tuple after an opening; a comma between them. */
static Ended put_arguments(Renderer *r, PyObject *args) {
    Ended ended = DONE;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args) && ended == DONE; i++) {
        if (i > 0)
            ended = render_put(r, ", ", 2);
        if (ended == DONE)
            ended = render(r, PyTuple_GET_ITEM(args, i));
    }
    return ended;
}

/* ``Name(...)``, as an object within itself or too deep shows. */
static Ended put_cycle(Renderer *r, PyObject *value) {
    Ended ended = put_type_name(r, value);
    return ended == DONE ? render_puts(r, "(...)") : ended;
}

static Ended put_exception(Renderer *r, PyObject *value) {
    PyObject *args = ((PyBaseExceptionObject *)value)->args;
    Ended ended = put_type_name(r, value);
    if (ended == DONE)
        ended = render_put(r, "(", 1);
    if (ended == DONE && args != NULL && PyTuple_CheckExact(args))
        ended = put_arguments(r, args);
    return ended == DONE ? render_put(r, ")", 1) : ended;
}

static Ended put_safe(Renderer *r, PyObject *value) {
    if (!is_kind(value, (PyTypeObject *)PyExc_BaseException))
        return put_object(r, value, NULL, 0);
    if (render_is_cycle(r, value))
        return put_cycle(r, value);
    r->inside[r->depth++] = value;
    Ended ended = put_exception(r, value);
    r->depth--;
    return ended;
}

/* Append (name, value) of a mapping's exact str keys without the special ones. */
static int gather_attributes(PyObject *pairs, PyObject *attributes) {
    Py_ssize_t at = 0;
    PyObject *key, *item;
    while (PyDict_Next(attributes, &at, &key, &item)) {
        if (!PyUnicode_CheckExact(key))
            continue;
        if (PyUnicode_GET_LENGTH(key) >= 2 && PyUnicode_READ_CHAR(key, 0) == '_' && PyUnicode_READ_CHAR(key, 1) == '_')
            continue;
        PyObject *pair = PyTuple_Pack(2, key, item);
        if (pair == NULL || PyList_Append(pairs, pair) < 0) {
            Py_XDECREF(pair);
            return -1;
        }
        Py_DECREF(pair);
    }
    return 0;
}

/* Whether an object has a place for a dict, and none there yet: the descriptor would make one, and functools.partial,
 * for one, behaves otherwise then. */
static int is_bare(PyObject *value) {
    Py_ssize_t offset = Py_TYPE(value)->tp_dictoffset;
    return offset > 0 && *(PyObject **)((char *)value + offset) == NULL;
}

/* The slots and the instance dict that one class of the mro brings: values.py: _attributes. */
static int gather_class(PyObject *slots, PyObject *instance, PyTypeObject *class, PyObject *value) {
#if PY_VERSION_HEX >= 0x030c0000
    PyObject *namespace = PyType_GetDict(class);
#else
    PyObject *namespace = class->tp_dict;
    Py_XINCREF(namespace);
#endif
    int done = 0;
    Py_ssize_t at = 0;
    PyObject *name, *descriptor;
    while (done == 0 && namespace != NULL && PyDict_Next(namespace, &at, &name, &descriptor)) {
        if (!PyUnicode_CheckExact(name))
            continue;
        int is_dict = PyUnicode_CompareWithASCIIString(name, "__dict__") == 0;
        if (!is_dict && PyUnicode_GET_LENGTH(name) >= 2 && PyUnicode_READ_CHAR(name, 0) == '_' &&
            PyUnicode_READ_CHAR(name, 1) == '_')
            continue;
        int is_slot = Py_TYPE(descriptor) == &PyMemberDescr_Type && PyType_HasFeature(class, Py_TPFLAGS_HEAPTYPE);
        int is_namespace = !is_slot && is_dict && Py_TYPE(descriptor) == &PyGetSetDescr_Type &&
                           PyList_GET_SIZE(instance) == 0 && !is_bare(value);
        if (!is_slot && !is_namespace)
            continue;
        PyObject *found = Py_TYPE(descriptor)->tp_descr_get(descriptor, value, (PyObject *)Py_TYPE(value));
        if (found == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_AttributeError))
                done = -1;
            else
                PyErr_Clear();
            continue;
        }
        if (is_namespace) {
            if (is_kind(found, &PyDict_Type))
                done = gather_attributes(instance, found);
        } else {
            PyObject *pair = PyTuple_Pack(2, name, found);
            done = pair == NULL ? -1 : PyList_Append(slots, pair);
            Py_XDECREF(pair);
        }
        Py_DECREF(found);
    }
    Py_XDECREF(namespace);
    return done;
}

/* A list of (name, value): slots, then the instance's attributes.  NULL with an exception set. */
static PyObject *attributes_of(PyObject *value) {
    PyObject *slots = PyList_New(0), *instance = PyList_New(0), *mro = Py_TYPE(value)->tp_mro;
    int done = slots == NULL || instance == NULL ? -1 : 0;
    /* A type that was never made ready has no mro: 3.11's positions_iterator. */
    for (Py_ssize_t i = mro != NULL ? PyTuple_GET_SIZE(mro) : 0; done == 0 && --i >= 0;) {
        PyObject *class = PyTuple_GET_ITEM(mro, i);
        if (PyType_Check(class))
            done = gather_class(slots, instance, (PyTypeObject *)class, value);
    }
    if (done == 0)
        done = PyList_SetSlice(slots, PyList_GET_SIZE(slots), PyList_GET_SIZE(slots), instance);
    Py_XDECREF(instance);
    if (done < 0)
        Py_CLEAR(slots);
    return slots;
}

/* What an instance of a subclass of a builtin holds. */
static Ended put_base(Renderer *r, PyObject *value, Base base) {
    int done;
    switch (base) {
    case BASE_LIST:
        return render_items(r, LIST, value);
    case BASE_TUPLE:
        return render_items(r, TUPLE, value);
    case BASE_DICT:
        return render_items(r, DICT, value);
    case BASE_SET:
        return render_items(r, SET, value);
    case BASE_FROZENSET:
        return render_items(r, FROZENSET, value);
    case BASE_INT:
        done = leaf_put_int(&r->out, value);
        break;
    case BASE_STR:
        done = leaf_put_str(&r->out, value);
        break;
    case BASE_BYTES:
        done = leaf_put_bytes(&r->out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
        break;
    default: {
        PyObject *number = PyFloat_FromDouble(PyFloat_AS_DOUBLE(value));
        done = number == NULL ? -1 : leaf_put(&r->out, number);
        Py_XDECREF(number);
    }
    }
    return done < 0 ? FAILED : render_put(r, "", 0);
}

static Ended put_fields(Renderer *r, PyObject *value, Base base, PyObject *fields) {
    int shown = base != BASE_NONE;
    Ended ended = put_type_name(r, value);
    if (ended == DONE)
        ended = render_put(r, "(", 1);
    if (ended == DONE && base == BASE_EXCEPTION) {
        PyObject *args = ((PyBaseExceptionObject *)value)->args;
        shown = args != NULL && PyTuple_Check(args) && PyTuple_GET_SIZE(args) > 0;
        if (shown && PyTuple_CheckExact(args))
            ended = put_arguments(r, args);
    } else if (ended == DONE && base != BASE_NONE) {
        ended = put_base(r, value, base);
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(fields) && ended == DONE; i++) {
        PyObject *pair = PyList_GET_ITEM(fields, i);
        if (shown)
            ended = render_put(r, ", ", 2);
        if (ended == DONE && text_put_str(&r->out, PyTuple_GET_ITEM(pair, 0)) < 0)
            ended = FAILED;
        if (ended == DONE)
            ended = render_put(r, "=", 1);
        if (ended == DONE)
            ended = render(r, PyTuple_GET_ITEM(pair, 1));
        shown = 1;
    }
    return ended == DONE ? render_put(r, ")", 1) : ended;
}

Ended render_foreign(Renderer *r, PyObject *value) {
    if (r->policy == POLICY_REPR)
        return put_own_repr(r, value);
    if (r->policy == POLICY_SAFE)
        return put_safe(r, value);
    Base base = base_of(value);
    PyObject *fields = attributes_of(value);
    if (fields == NULL)
        return FAILED;
    Ended ended;
    if (PyList_GET_SIZE(fields) == 0 && base == BASE_NONE) {
        ended = put_object(r, value, NULL, 0);
    } else if (render_is_cycle(r, value)) {
        ended = put_cycle(r, value);
    } else {
        r->inside[r->depth++] = value;
        ended = put_fields(r, value, base, fields);
        r->depth--;
    }
    Py_DECREF(fields);
    return ended;
}
