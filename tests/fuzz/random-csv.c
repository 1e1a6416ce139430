/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as of RFC 4180, and a little beyond: lines that end with LF, empty lines, quotes
 * at the wrong place, the last line without an end.
 *
 * The harness holds us against libcsv, in its strict mode. Where we differ on purpose:
 *
 *   libcsv                                we                     in the comparison
 *   ------------------------------------- ---------------------- ----------------------
 *   a CR alone ends a line                is an error            left out
 *   a byte order mark is a part of the    is skipped             not given to libcsv
 *     first field
 *   drops blanks around fields            keeps them (RFC 4180)  switched off in libcsv
 *   no bounds                             of fields and records  left out
 */
#include "random.h"

static void text(struct buf *out, bool quoted)
{
	static const struct str words[] = {STR_INIT("a"),
					   STR_INIT("anna"),
					   STR_INIT(" "),
					   STR_INIT("\t"),
					   STR_INIT("12"),
					   STR_INIT("@"),
					   STR_INIT("\xc3\xa4"),
					   STR_INIT(";"),
					   STR_INIT("'"),
					   STR_INIT("\xff"),
					   STR_INIT("long text of a field"),
					   STR_INIT("\x01")};
	static const struct str special[] = {STR_INIT(","),    STR_INIT("\n"),
					     STR_INIT("\r\n"), STR_INIT("\"\""),
					     STR_INIT("\r"),   STR_INIT("\"\"\"\"")};
	for (uint64_t n = draw(4); n > 0; n--)
		if (quoted && draw(2) == 0)
			buf_add_str(out, pick(special));
		else
			buf_add_str(out, pick(words));
}

static void field(struct buf *out)
{
	if (draw(3) > 0) {
		text(out, false);
		if (draw(200) == 0)
			buf_add_char(out, '"'); /* refused */
		return;
	}
	buf_add_char(out, '"');
	text(out, true);
	if (draw(200) > 0)
		buf_add_char(out, '"');
	if (draw(200) == 0)
		buf_add_char(out, 'x'); /* refused */
}

static void line_end(struct buf *out)
{
	buf_add_str(out, draw(2) == 0 ? STR("\n") : STR("\r\n"));
}

void random_document(struct buf *out)
{
	if (draw(16) == 0)
		buf_add_str(out, STR("\xef\xbb\xbf"));
	for (uint64_t records = draw(9); records > 0; records--) {
		for (uint64_t fields = draw(6); fields > 0; fields--) {
			field(out);
			if (fields > 1)
				buf_add_char(out, ',');
		}
		if (records > 1 || draw(4) > 0)
			line_end(out);
	}
}
