/* Which calls become traces, and when a trace has had enough: recorder.py in C.
 *
 * What code is entered, and what may begin a trace, is asked of scope.py, once for each code object.  Knows nothing of
 * how events or values are had: see tracer.h.
 */
#ifndef FORETRACE_RECORDER_H
#define FORETRACE_RECORDER_H

#include "interpreter.h"
#include "wire.h"

/* What is known of a code object that is entered. */
typedef struct Known {
    PyObject *code;
    PyObject *name;
    PyObject *names;        /* of its locals, in the order of showing; NULL where a dict holds them */
    PyObject *instructions;
    Place *places;          /* of the names, among the fast locals */
    Text *quoted;           /* each name as JSON, with the colon and the space behind it */
    Py_ssize_t count;       /* of names */
    uint32_t file;
    long line;
    int begins, generator, spent;
    long long calls, traces;
    struct Known *next;     /* in the order in which they became known */
    PyObject *idle;         /* an activation to be used again */
} Known;

/* One trace that is being recorded. */
typedef struct Interval {
    int owners;
    int ended, told;        /* whether it has ended, and whether that is on the wire */
    long long number, steps, bytes, deadline;
    int base;
    uint64_t end_step;
    const char *ending;
    struct Interval *before, *after; /* among those whose end is not told */
} Interval;

/* One thread's steps: its number (-1 before it has one), the depth of its stack, the intervals that take its steps. */
typedef struct {
    int number;
    int depth;
    int count, room;
    Interval **open;
} Stream;

typedef enum { BEGIN_CODE, BEGIN_FUNCTIONS, BEGIN_OUTERMOST } Begin;

typedef struct {
    PyObject_HEAD
    Writer *writer;
    PyObject *ask;          /* what is known of a code object, from scope.py */
    PyObject *files;        /* its dict: a file name to its number, below 0 if it is not entered */
    PyObject *node;         /* the test that runs */
    Begin begin;
    long long each;
    long long max_events, max_bytes, characters;
    long long nanoseconds;
    int max_depth;
    int begun;
    int streams;
    long long traces;
    Interval *ongoing, *newest;
    Known *first, *last;
    Known **codes;          /* by the address of the code: open addressing */
    size_t codes_room, codes_count;
    Text note;
} Recorder;

extern PyTypeObject RecorderType;

/* What is known of a code object; NULL for code that is not entered, and, with an exception set, on failure. */
Known *recorder_known(Recorder *recorder, PyCodeObject *code);

/* The stream gets a number, if it has none. */
void stream_number(Recorder *recorder, Stream *stream);
void stream_free(Stream *stream);

static inline void interval_keep(Interval *interval) {
    interval->owners++;
}
void interval_release(Interval *interval);

/* The interval that this call begins, owned, if it begins one. */
Interval *recorder_begin(Recorder *recorder, Stream *stream, Known *known);
/* Begin one whose entry point is at depth `base`; NULL if the wire is full. */
Interval *recorder_open(Recorder *recorder, Stream *stream, Known *known, int base);

/* Whether any trace takes a step at this depth; those that have reached a limit end here. */
int recorder_admits(Recorder *recorder, Stream *stream, int depth);
/* Write one step that was admitted, unless its bytes are too many for every trace. */
void recorder_write(Recorder *recorder, Stream *stream, const Known *known, int event, int flags, long line, int depth,
                    const Text *text);
void recorder_pause(Recorder *recorder, Stream *stream, Interval *interval);
void recorder_resume(Recorder *recorder, Stream *stream, Interval *interval, int base);
void recorder_end(Recorder *recorder, Stream *stream, Interval *interval, const char *ending);
/* Cut off every trace of the stream; whether it had any. */
int recorder_cut(Recorder *recorder, Stream *stream, const char *ending);
void recorder_odd(Recorder *recorder, PyObject *what);

#endif
