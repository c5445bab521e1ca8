/* What a variable showed last, and enough of the value's shape to know, mostly without rendering, what it shows now.
 *
 * A FIXED value that is the same object shows the same.  A container keeps a tree: the address of each item and where
 * its text ends.  Unchanged is a comparison of addresses; of a changed one, only the items that differ are rendered
 * anew.  Whatever needs foreign code, or lies within itself, has no tree: it is rendered each time, as values.py does,
 * and the texts are compared.
 *
 * Kept alive are FIXED values only (a str, an int, a tuple of them): an address that is not kept may be reused by
 * another object, so what it points to is looked at again.  Knows nothing of names and frames.
 */
#ifndef FORETRACE_SHADOW_H
#define FORETRACE_SHADOW_H

#include "render.h"

typedef struct Node Node;

typedef struct {
    PyObject *kept;  /* the FIXED value that `text` shows; owned, or NULL */
    Node *node;      /* the shape of the container that `text` shows, or NULL */
    PyObject *address; /* of the value that was shown last; never followed */
    Text text;
    int impure;      /* whether the last value needed foreign code */
    int shown;       /* whether there is a text */
} Shadow;

/* Show a value: 1 if its text is another than before, 0 if it is the same, -1 with an exception set. */
int shadow_update(Shadow *shadow, Renderer *r, PyObject *value);

/* Give a shadow that has shown nothing yet the shape and text of another that shows, or showed, the same object. */
int shadow_lend(const Shadow *from, Shadow *to);

/* Forget everything but the buffers. */
void shadow_clear(Shadow *shadow);
void shadow_free(Shadow *shadow);

#endif
