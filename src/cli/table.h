/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables for people: a heading, a row a line, two blanks between columns.
 * Pure: cells in, text out. */
#ifndef INLAY_CLI_TABLE_H
#define INLAY_CLI_TABLE_H

#include "base/buf.h"

#define TABLE_MAX_COLUMNS 12
/* Pass as width where lines may be of any length (a file, a pipe). */
#define TABLE_ANY_WIDTH SIZE_MAX

struct table_column {
	const char *title; /* NULL in all columns: no heading */
	bool right;        /* numbers */
	bool shrink;       /* may be cut (with an ellipsis) to fit the terminal */
};

/* cells: n_rows times n_columns, row by row; an absent cell is shown as "-".
 * Cells are cleaned (text_clean). False when `out` has no room or no memory. */
bool table_write(struct buf *out, const struct table_column *columns, size_t n_columns,
		 const struct str *cells, size_t n_rows, size_t width);

#endif
