/* SPDX-License-Identifier: Apache-2.0 */
/* Text on a terminal: how many columns it takes, and foreign text made harmless.
 * Good enough for names and subjects in any script: combining marks take none,
 * East Asian wide characters and most emoji two. Independent of the locale. */
#ifndef INLAY_CLI_TEXT_WIDTH_H
#define INLAY_CLI_TEXT_WIDTH_H

#include "base/buf.h"

/* Columns of well-formed UTF-8; a stray byte counts as one. */
size_t text_width(struct str s);

/* The longest beginning of s that takes at most `columns`. */
struct str text_fit(struct str s, size_t columns);

/* Adds s so that it cannot steer a terminal nor break a line: control characters
 * (C0, DEL, C1) and the marks that reorder text become '?', ill-formed bytes U+FFFD. */
bool text_clean(struct buf *out, struct str s);

#endif
