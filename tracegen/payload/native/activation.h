/* One activation of a code object: its names in the order of showing, with what each showed last.
 *
 * The half of the tracer that belongs to a frame: activation.py in C.  A generator's lives on its frame while that is
 * suspended, as the frame's trace function, and dies with it.  Knows nothing of events and of the wire: see tracer.h.
 */
#ifndef FORETRACE_ACTIVATION_H
#define FORETRACE_ACTIVATION_H

#include "recorder.h"
#include "shadow.h"

typedef struct {
    Shadow shadow;
    PyObject *now;    /* what it is bound to at this step, or NULL */
    int owned;        /* whether `now` is a reference of ours */
    int listed;       /* whether it stands in the order of showing */
    int untold;       /* whether its text changed since the wire was told */
    PyObject *name;   /* of a variable of a namespace; owned */
    Text quoted;
} Variable;

typedef struct Activation {
    PyObject_HEAD
    PyObject *tracer;       /* keeps `known` alive; owned, NULL while the activation is idle */
    Known *known;
    PyFrameObject *frame;   /* while it runs; borrowed */
    Interval *interval;     /* the one whose entry point this is, owned, or NULL */
    int depth;
    long line;
    Variable *variables;
    int count, room;
    int *order;             /* the variables that are shown, in the order of showing */
    int shown, order_room;
    int *raised;            /* positions of the exceptions since the last line in front of them */
    int raised_count, raised_room;
    int *found;             /* the variables of a namespace that are bound now, in its order */
    int found_count, found_room;
    PyObject *namespace;    /* of a module or class body, once it was read; owned */
    PyObject *index;        /* names of a namespace to their variables */
    struct Activation *next_idle;
} Activation;

extern PyTypeObject ActivationType;

/* A new one, or an idle one; takes over the interval.  NULL with MemoryError set. */
Activation *activation_begin(PyObject *tracer, Known *known, int depth, Interval *interval);
/* It has returned: what it holds is released, and it may be used again. */
void activation_over(Activation *activation);

/* An exception was raised at an instruction; a line was reached there. */
int activation_raise(Activation *activation, int lasti);
void activation_reach(Activation *activation, int lasti);
int activation_raised_at(const Activation *activation, int lasti);

/* Write the JSON of the locals that changed since the last step, or of all, to `line`.  What the caller (or NULL) shows
 * too need not be rendered from nothing.  -1 with an exception set. */
int activation_changes(Activation *activation, const Activation *caller, PyFrameObject *frame, Renderer *r, Text *line,
                       Py_ssize_t characters, int everything);

/* The text of a container that one of the names shows, brought up to date; NULL if there is none, or, with an exception
 * set, on failure. */
const Text *activation_text(Activation *activation, PyObject *value, Renderer *r);

#endif
