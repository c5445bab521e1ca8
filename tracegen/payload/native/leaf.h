/* The texts of exact builtins that hold nothing else: byte for byte what repr says, without calling it where it can be
 * avoided.  The C side of the first half of values.py.  Knows nothing of containers: see render.h.
 */
#ifndef FORETRACE_LEAF_H
#define FORETRACE_LEAF_H

#include "text.h"

/* Longer ints show in hex; values.py has the why. */
enum { MAX_INT_BITS = 14284 };

typedef enum {
    FIXED,    /* the same object always has the same text, and holds nothing: it may be kept */
    SOFT,     /* rendered by C code that asks nobody, but its text may change */
    LIST,
    TUPLE,
    DICT,
    SET,
    FROZENSET,
    FOREIGN,  /* anything else: showing it is the policy's business */
} Kind;

/* Makes the one string that is needed; before anything else. */
int leaf_prepare(void);

/* By the exact type, never by what the value says of itself. */
Kind kind_of(PyObject *value);

/* Whether a FOREIGN value's own repr is object's, which asks nobody: ``<module.Name object at 0x...>``. */
static inline int is_plain(PyObject *value) {
    return Py_TYPE(value)->tp_repr == PyBaseObject_Type.tp_repr;
}

static inline int kind_holds(Kind kind) {
    return kind >= LIST && kind <= FROZENSET;
}

/* Append the text of a FIXED or SOFT value, or of a plain one; -1 with an exception set. */
int leaf_put(Text *text, PyObject *value);

/* An int's, or that of an instance of a subclass, as int itself spells it. */
int leaf_put_int(Text *text, PyObject *value);
int leaf_put_str(Text *text, PyObject *value);
int leaf_put_bytes(Text *text, const char *bytes, Py_ssize_t size);

/* The name of a value's type; asks neither its metaclass nor a subclass of str. */
int leaf_put_type_name(Text *text, PyObject *value);

#endif
