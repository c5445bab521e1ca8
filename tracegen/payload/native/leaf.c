#include "leaf.h"
#include "interpreter.h"

static const char HEX[] = "0123456789abcdef";

static PyObject *MODULE; /* "__module__", interned: never changes, never goes */

int leaf_prepare(void) {
    if (MODULE == NULL)
        MODULE = PyUnicode_InternFromString("__module__");
    return MODULE == NULL ? -1 : 0;
}

Kind kind_of(PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyLong_Type) /* The program may lower sys.set_int_max_str_digits, down to 640 digits. */
        return long_digits(value) < 64 ? FIXED : SOFT;
    if (type == &PyUnicode_Type || type == &PyFloat_Type || type == &PyBool_Type || value == Py_None ||
        type == &PyBytes_Type || type == &PyComplex_Type || value == Py_Ellipsis || value == Py_NotImplemented)
        return FIXED;
    if (type == &PyList_Type)
        return LIST;
    if (type == &PyTuple_Type)
        return TUPLE;
    if (type == &PyDict_Type)
        return DICT;
    if (type == &PySet_Type)
        return SET;
    if (type == &PyFrozenSet_Type)
        return FROZENSET;
    if (type == &PyFunction_Type || type == &PyType_Type || type == &PyModule_Type || type == &PyByteArray_Type ||
        type == &PyCFunction_Type || type == &PyGen_Type || type == &PyCoro_Type || type == &PyAsyncGen_Type ||
        type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type || type == &PyClassMethodDescr_Type ||
        type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type)
        return SOFT;
    return FOREIGN;
}

/* What the type's own C code says. */
static int put_own(Text *text, PyObject *value, PyTypeObject *type) {
    PyObject *shown = type->tp_repr(value);
    if (shown == NULL)
        return -1;
    int done = text_put_str(text, shown);
    Py_DECREF(shown);
    return done;
}

static int put_decimal(Text *text, unsigned long long number, int negative) {
    static const char PAIRS[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
        "5556575859606162636465666768697071727374757677787980818283848586878889909192939495969798"
        "99";
    char digits[21];
    int at = 21;
    while (number >= 100) {
        unsigned pair = (unsigned)(number % 100);
        number /= 100;
        at -= 2;
        memcpy(digits + at, PAIRS + 2 * pair, 2);
    }
    if (number >= 10) {
        at -= 2;
        memcpy(digits + at, PAIRS + 2 * number, 2);
    } else {
        digits[--at] = (char)('0' + number);
    }
    if (negative)
        digits[--at] = '-';
    return text_put(text, digits + at, 21 - at);
}

int leaf_put_int(Text *text, PyObject *value) {
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (!overflow)
        return put_decimal(text, number < 0 ? 0ull - (unsigned long long)number : (unsigned long long)number, number < 0);
    size_t bits = _PyLong_NumBits(value);
    if (bits <= MAX_INT_BITS) {
        if (put_own(text, value, &PyLong_Type) == 0)
            return 0;
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) /* sys.set_int_max_str_digits was lowered */
            return -1;
        PyErr_Clear();
    }
    PyObject *hex = PyNumber_ToBase(value, 16);
    if (hex == NULL)
        return -1;
    int done = text_put_str(text, hex);
    Py_DECREF(hex);
    return done;
}

static int put_float(Text *text, PyObject *value) {
    char *shown = PyOS_double_to_string(PyFloat_AS_DOUBLE(value), 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (shown == NULL)
        return -1;
    int done = text_puts(text, shown);
    PyMem_Free(shown);
    return done;
}

static inline char *put_escape(char *at, char letter, Py_UCS4 c, int digits) {
    *at++ = '\\';
    *at++ = letter;
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        *at++ = HEX[c >> shift & 0xf];
    return at;
}

static inline char *put_ascii(char *at, unsigned char c, char quote) {
    if (c == (unsigned char)quote || c == '\\') {
        *at++ = '\\';
        *at++ = (char)c;
    } else if (c >= ' ' && c < 0x7f) {
        *at++ = (char)c;
    } else if (c == '\t' || c == '\n' || c == '\r') {
        *at++ = '\\';
        *at++ = c == '\t' ? 't' : c == '\n' ? 'n' : 'r';
    } else {
        at = put_escape(at, 'x', c, 2);
    }
    return at;
}

/* The quote that needs the fewest escapes, as str and bytes choose it. */
static char quote_for(const void *single, const void *both) {
    return single != NULL && both == NULL ? '"' : '\'';
}

#define EVERY(byte) (0x0101010101010101ull * (byte))

/* Whether none of eight bytes needs an escape between single quotes. */
static inline int plain(uint64_t eight) {
    uint64_t quote = eight ^ EVERY('\''), slash = eight ^ EVERY('\\'), rubout = eight ^ EVERY(0x7f);
    uint64_t found = (quote - EVERY(1)) | (slash - EVERY(1)) | (rubout - EVERY(1)) | (eight - EVERY(' ')) | eight;
    return (found & EVERY(0x80)) == 0;
}

static int put_ascii_str(Text *text, const char *data, Py_ssize_t length) {
    if (length > PY_SSIZE_T_MAX / 8 || text_reserve(text, 4 * length + 2) < 0)
        return -1;
    char *at = text->data + text->size;
    char quote = length == 0 ? '\'' : quote_for(memchr(data, '\'', (size_t)length), memchr(data, '"', (size_t)length));
    *at++ = quote;
    Py_ssize_t i = 0;
    while (i < length) {
        for (; length - i >= 8; i += 8, at += 8) {
            uint64_t eight;
            memcpy(&eight, data + i, 8);
            if (!plain(eight))
                break;
            memcpy(at, &eight, 8);
        }
        for (Py_ssize_t stop = length - i > 8 ? i + 8 : length; i < stop; i++)
            at = put_ascii(at, (unsigned char)data[i], quote);
    }
    *at++ = quote;
    text->size = at - text->data;
    return 0;
}

int leaf_put_str(Text *text, PyObject *value) {
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(value) < 0)
        return -1;
#endif
    Py_ssize_t length = PyUnicode_GET_LENGTH(value);
    if (PyUnicode_IS_ASCII(value))
        return put_ascii_str(text, PyUnicode_DATA(value), length);
    int kind = PyUnicode_KIND(value);
    const void *data = PyUnicode_DATA(value);
    int single = 0, both = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        single |= c == '\'';
        both |= c == '"';
    }
    char quote = single && !both ? '"' : '\'';
    if (length > PY_SSIZE_T_MAX / 16 || text_reserve(text, 10 * length + 2) < 0)
        return -1;
    text->data[text->size++] = quote;
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        char *at = text->data + text->size;
        if (c < 0x80)
            at = put_ascii(at, (unsigned char)c, quote);
        else if (Py_UNICODE_ISPRINTABLE(c)) {
            if (text_put_character(text, c) < 0)
                return -1;
            continue;
        } else if (c < 0x100)
            at = put_escape(at, 'x', c, 2);
        else if (c < 0x10000)
            at = put_escape(at, 'u', c, 4);
        else
            at = put_escape(at, 'U', c, 8);
        text->size = at - text->data;
    }
    text->data[text->size++] = quote;
    return 0;
}

int leaf_put_bytes(Text *text, const char *bytes, Py_ssize_t size) {
    if (size > PY_SSIZE_T_MAX / 8 || text_reserve(text, 4 * size + 3) < 0)
        return -1;
    char quote = size == 0 ? '\'' : quote_for(memchr(bytes, '\'', (size_t)size), memchr(bytes, '"', (size_t)size));
    char *at = text->data + text->size;
    *at++ = 'b';
    *at++ = quote;
    for (Py_ssize_t i = 0; i < size; i++)
        at = put_ascii(at, (unsigned char)bytes[i], quote);
    *at++ = quote;
    text->size = at - text->data;
    return 0;
}

static int put_module(Text *text, PyObject *value) {
    PyObject *namespace = PyModule_GetDict(value);
    PyObject *name = namespace ? PyDict_GetItemString(namespace, "__name__") : NULL;
    if (name == NULL || !PyUnicode_CheckExact(name))
        return text_puts(text, "<module object>");
    if (text_puts(text, "<module ") < 0 || leaf_put_str(text, name) < 0)
        return -1;
    return text_puts(text, ">");
}

/* What object's own repr says, without the formatting.  Its parts may hold what looks like an address. */
static int put_plain(Text *text, PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    Py_ssize_t start = text->size;
    PyObject *module = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && type->tp_dict
                     ? PyDict_GetItemWithError(type->tp_dict, MODULE) : NULL;
    if (module == NULL && PyErr_Occurred())
        return -1;
    if (module == NULL || !PyUnicode_CheckExact(module) || PyUnicode_CompareWithASCIIString(module, "builtins") == 0) {
        if (put_own(text, value, type) < 0)
            return -1;
    } else if (text_put(text, "<", 1) < 0 || text_put_str(text, module) < 0 || text_put(text, ".", 1) < 0 ||
               text_put_str(text, ((PyHeapTypeObject *)type)->ht_qualname) < 0 || text_puts(text, " object>") < 0) {
        return -1;
    }
    text_drop_addresses(text, start);
    text_join_surrogates(text, start);
    return 0;
}

/* The text of a type that names things of the program, without their addresses. */
static int put_quiet(Text *text, PyObject *value) {
    Py_ssize_t start = text->size;
    if (Py_TYPE(value) == &PyFunction_Type) {
        /* "<function %U at %p>" without the formatting, for modules are full of them. */
        if (text_puts(text, "<function ") < 0 || text_put_str(text, ((PyFunctionObject *)value)->func_qualname) < 0 ||
            text_puts(text, ">") < 0)
            return -1;
    } else if (put_own(text, value, Py_TYPE(value)) < 0) {
        return -1;
    }
    text_drop_addresses(text, start);
    return 0;
}

int leaf_put(Text *text, PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyLong_Type)
        return leaf_put_int(text, value);
    if (type == &PyUnicode_Type)
        return leaf_put_str(text, value);
    if (value == Py_None)
        return text_put(text, "None", 4);
    if (value == Py_True)
        return text_put(text, "True", 4);
    if (value == Py_False)
        return text_put(text, "False", 5);
    if (type == &PyFloat_Type)
        return put_float(text, value);
    if (type == &PyBytes_Type)
        return leaf_put_bytes(text, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    if (type == &PyModule_Type)
        return put_module(text, value);
    if (type == &PyByteArray_Type || type == &PyComplex_Type || value == Py_Ellipsis || value == Py_NotImplemented)
        return put_own(text, value, type);
    return is_plain(value) ? put_plain(text, value) : put_quiet(text, value);
}

int leaf_put_type_name(Text *text, PyObject *value) {
    PyTypeObject *type = Py_TYPE(value);
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE))
        return text_put_str(text, ((PyHeapTypeObject *)type)->ht_name);
    const char *dot = strrchr(type->tp_name, '.');
    return text_puts(text, dot ? dot + 1 : type->tp_name);
}
