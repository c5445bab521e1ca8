/* Any value as text, under one policy, as values.py says it: bounded, free of addresses.
 *
 * Renders from nothing each time; what need not be rendered again is shadow.h's business.  Foreign code runs through
 * `contain` only.  Knows nothing of frames and steps.
 */
#ifndef FORETRACE_RENDER_H
#define FORETRACE_RENDER_H

#include "leaf.h"

enum {
    MAX_CHARACTERS = 1 << 24, /* a value is rendered, and compared, up to here */
    MAX_NESTING = 100,        /* containers within containers beyond this show like a cycle */
};

typedef enum { POLICY_REPR, POLICY_SAFE, POLICY_FIELDS } Policy;

/* How rendering ended.  FAILED: an exception is set.  IMPURE: foreign code would have to run, or a mark of a cycle or of
 * too deep a nesting was due, and the renderer was told to stop there. */
typedef enum { FAILED = -1, DONE = 0, ENOUGH = 1, IMPURE = 2 } Ended;

/* Runs a foreign repr.  DONE with its text appended and `*failed` 0; or with what went wrong appended and `*failed`
 * 1; or FAILED: an exception that must reach the program. */
typedef Ended (*Contain)(void *context, PyObject *value, Text *text, int *failed);

typedef struct {
    Text out;
    Py_ssize_t start;       /* where the present value begins in `out` */
    Py_ssize_t counted;     /* bytes of it whose characters are counted, and how many those are */
    Py_ssize_t characters;
    Policy policy;
    int pure_only;          /* stop with IMPURE rather than run foreign code or mark a cycle */
    int impure;             /* whether foreign code ran or a cycle was marked */
    int depth;
    PyObject *inside[MAX_NESTING]; /* the containers that the present value lies in; borrowed */
    Contain contain;
    void *context;
} Renderer;

/* Begin a value at the end of `out`. */
static inline void render_begin(Renderer *r, int pure_only) {
    r->start = r->counted = r->out.size;
    r->characters = 0;
    r->pure_only = pure_only;
    r->impure = 0;
    r->depth = 0;
}

/* The kind under the policy: a plain object is SOFT where objects are asked for their repr. */
static inline Kind render_kind(const Renderer *r, PyObject *value) {
    Kind kind = kind_of(value);
    return kind == FOREIGN && r->policy == POLICY_REPR && is_plain(value) ? SOFT : kind;
}

/* Append a value whole: `render_begin` first.  ENOUGH is no failure: the text is cut at MAX_CHARACTERS. */
Ended render(Renderer *r, PyObject *value);

/* A FIXED or SOFT value. */
Ended render_leaf(Renderer *r, PyObject *value);

/* Append bytes; ENOUGH when MAX_CHARACTERS are reached. */
Ended render_put(Renderer *r, const char *bytes, Py_ssize_t size);
Ended render_puts(Renderer *r, const char *string);

/* Whether a value would show as a cycle here: it is one, or lies too deep. */
int render_is_cycle(const Renderer *r, PyObject *value);
extern const char *const CYCLES[];

/* What stands before and behind so many items of a kind. */
const char *opening_of(Kind kind, Py_ssize_t size);
const char *closing_of(Kind kind, Py_ssize_t size);

/* The items of a container, or of an instance of a subclass, copied; keys and values in turn.  Strong references if
 * `own`.  `*items` is to be freed with PyMem_RawFree. */
Ended items_of(Kind kind, PyObject *container, int own, PyObject ***items, Py_ssize_t *size);

/* Render the items of a container as its kind shows them, or those of an instance of a subclass. */
Ended render_items(Renderer *r, Kind kind, PyObject *container);

/* policy.c: a foreign object. */
Ended render_foreign(Renderer *r, PyObject *value);

#endif
