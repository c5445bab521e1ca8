/* The writer of the wire, as docs/wire.md specifies it: wire.py's Writer in C.
 *
 * Knows nothing of frames, limits or tracing.  Whoever calls holds the interpreter's lock, and nothing here lets it go:
 * nothing is half committed.
 */
#ifndef FORETRACE_WIRE_H
#define FORETRACE_WIRE_H

#include "text.h"

enum { EVENT_CALL, EVENT_LINE, EVENT_RETURN, EVENT_EXCEPTION, EVENT_PAUSE, EVENT_RESUME };
enum { STEP_BYTES = 24, UNWINDING = 1 };

typedef struct {
    PyObject_HEAD
    Py_buffer buffer;
    uint64_t *words;
    uint64_t steps_at, steps_bytes, text_at, text_bytes, notes_at, notes_bytes;
    uint64_t steps, notes, text; /* taken of each lane: the counts in the memory are for the parent alone */
    int open;        /* 0 once this process must not write any more */
    PyObject *full;  /* wire.py's Full */
} Writer;

extern PyTypeObject WriterType;

uint64_t writer_steps(const Writer *writer);

/* Append and commit one step: 0, or -1 if a lane has no room; no exception is set. */
int writer_step(Writer *writer, int event, int flags, uint32_t file, uint32_t line, uint32_t depth, uint16_t thread,
                const char *text, Py_ssize_t size);

/* Append and commit a note, JSON that is spelled already: 0, or -1 if there is no room.  `last` ones may use what is
 * kept back. */
int writer_note(Writer *writer, const Text *json, int last);

/* Members of a note's JSON; -1 with MemoryError set. */
int note_begin(Text *json, const char *kind);
int note_number(Text *json, const char *key, unsigned long long number);
int note_word(Text *json, const char *key, const char *ascii);
int note_str(Text *json, const char *key, PyObject *str);
int note_end(Text *json);

#endif
