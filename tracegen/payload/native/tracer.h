/* The tracer: reference.py in C.  A Tracer belongs to the process, a Thread to one of its threads.
 *
 * tracer.c starts and stops it, events.c makes steps of events, foreign.c runs reprs that nobody trusts.  A Thread is
 * the object of CPython's C trace function, so that an event finds it without a search.
 */
#ifndef FORETRACE_TRACER_H
#define FORETRACE_TRACER_H

#include "activation.h"

enum { REPR_LINES = 10000 }; /* line events that a foreign repr may take */

typedef struct {
    PyObject_HEAD
    Recorder *recorder;
    Policy policy;
    unsigned char flags[256];      /* of instructions: interpreter.h */
    PyObject *over_budget;         /* raised inside a foreign repr that takes too long */
    Py_tracefunc displaced;        /* what stood before */
    PyObject *displaced_object;
    PyObject *displaced_threading;
    int setting;                   /* while the tracer itself sets the trace function: an audit hook wants to know */
} Tracer;

typedef struct {
    PyObject_HEAD
    Tracer *tracer;
    Stream stream;
    Activation **running;          /* activations of frames that run, innermost last; owned */
    int height, room;
    PyFrameObject *missed;         /* a frame that is known to have none; never followed */
    Renderer renderer;
    Text line, bare;
    int in_repr;                   /* inside a foreign repr that the tracer called */
    long repr_left;
    int repr_spent;
} Thread;

extern PyTypeObject TracerType, ThreadType;

/* The Thread of this thread, which is new perhaps; borrowed.  NULL with an exception set. */
Thread *tracer_thread(Tracer *tracer);
/* Make the C trace function this thread's, whatever stands there. */
void tracer_install(Thread *thread);
int tracer_in_place(const Thread *thread);

/* events.c */
int on_event(PyObject *self, PyFrameObject *frame, int what, PyObject *arg);
int thread_push(Thread *thread, Activation *activation, PyFrameObject *frame);
void thread_pop(Thread *thread, Activation *activation);
/* What runs is not known any more: somebody else traced meanwhile. */
void thread_forget(Thread *thread);

/* foreign.c */
Ended contain(void *thread, PyObject *value, Text *text, int *failed);
int on_repr_event(Thread *thread, int what);

#endif
