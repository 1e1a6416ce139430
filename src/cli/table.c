/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "cli/text-width.h"

#include <assert.h>

#define GAP 2
#define SHRINK_TO 8 /* no column is made narrower */
#define CELL_MAX 4096

static struct str shown(struct str cell)
{
	return cell.p == NULL ? STR("-") : cell;
}

/* The width of a cell after cleaning. */
static size_t cell_width(struct str cell)
{
	struct buf b;
	buf_init(&b, CELL_MAX);
	text_clean(&b, text_fit(shown(cell), CELL_MAX / 8));
	size_t width = text_width(buf_str(&b));
	buf_free(&b);
	return width;
}

/* Takes columns off those that may shrink, always off the widest, until the line
 * fits or none can give any more. */
static void shrink(size_t *widths, const struct table_column *columns, size_t n,
		   size_t width)
{
	size_t total = GAP * (n - 1);
	for (size_t i = 0; i < n; i++)
		total += widths[i];
	while (total > width) {
		size_t widest = n;
		for (size_t i = 0; i < n; i++)
			if (columns[i].shrink && widths[i] > SHRINK_TO &&
			    (widest == n || widths[i] > widths[widest]))
				widest = i;
		if (widest == n)
			return;
		widths[widest]--;
		total--;
	}
}

static void pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_add_char(out, ' ');
}

static void write_cell(struct buf *out, struct str cell, size_t width, bool right,
		       bool last)
{
	struct buf b;
	buf_init(&b, CELL_MAX);
	text_clean(&b, text_fit(shown(cell), CELL_MAX / 8));
	struct str text = buf_str(&b);
	size_t used = text_width(text);
	bool cut = used > width;
	if (cut) {
		text = text_fit(text, width - 1);
		used = text_width(text) + 1;
	}
	if (right)
		pad(out, width - used);
	buf_add_str(out, text);
	if (cut)
		buf_add_str(out, STR("\xe2\x80\xa6"));
	if (!right && !last)
		pad(out, width - used);
	buf_free(&b);
}

static void write_row(struct buf *out, const struct table_column *columns, size_t n,
		      const struct str *cells, const size_t *widths)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			pad(out, GAP);
		write_cell(out, cells[i], widths[i], columns[i].right, i + 1 == n);
	}
	buf_add_char(out, '\n');
}

bool table_write(struct buf *out, const struct table_column *columns, size_t n_columns,
		 const struct str *cells, size_t n_rows, size_t width)
{
	size_t widths[TABLE_MAX_COLUMNS] = {0};
	struct str titles[TABLE_MAX_COLUMNS];
	bool heading = false;

	assert(n_columns > 0 && n_columns <= TABLE_MAX_COLUMNS);
	for (size_t i = 0; i < n_columns; i++) {
		titles[i] =
			columns[i].title != NULL ? str_of(columns[i].title) : STR("");
		heading |= columns[i].title != NULL;
		widths[i] = text_width(titles[i]);
		for (size_t row = 0; row < n_rows; row++) {
			size_t w = cell_width(cells[row * n_columns + i]);
			if (w > widths[i])
				widths[i] = w;
		}
	}
	if (width != TABLE_ANY_WIDTH)
		shrink(widths, columns, n_columns, width);
	if (heading)
		write_row(out, columns, n_columns, titles, widths);
	for (size_t row = 0; row < n_rows; row++)
		write_row(out, columns, n_columns, &cells[row * n_columns], widths);
	return buf_ok(out);
}
