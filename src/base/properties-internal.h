/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the settings share: the file format below the typed table
 * (java.util.Properties' line-oriented format, "load" in its documentation, in
 * UTF-8), the types of values, and how values are kept. */
#ifndef INLAY_BASE_PROPERTIES_INTERNAL_H
#define INLAY_BASE_PROPERTIES_INTERNAL_H

#include "base/properties.h"

struct property {
	struct str key, value; /* unescaped; valid until the next call */
	unsigned line;         /* of the key's first byte, from 1 */
	const char *fault;     /* not NULL: what is wrong with this line */
};

struct properties_reader {
	struct str in;
	size_t at;
	unsigned line;
	struct buf text; /* of the current entry */
};

void properties_reader_init(struct properties_reader *r, struct str in);
void properties_reader_free(struct properties_reader *r);
/* False at the end. */
bool properties_next(struct properties_reader *r, struct property *out);
/* Adds key=value and a line end so that properties_next reads them back (unless a key
 * that begins with a byte order mark is the first of the file). */
void properties_write(struct buf *out, struct str key, struct str value);

/* Checks a value against its row of the table. `text` gets its canonical form (a
 * part of `value` or of the table), `number` what BOOL, INT, SIZE and DURATION
 * mean. On failure err->message says what is allowed, without name and place. */
bool setting_parse(const struct setting *def, struct str value, struct str *text,
		   int64_t *number, struct error *err);
/* What is allowed, as a person reads it: "a whole number from 1 to 65535". */
void setting_describe(const struct setting *def, struct buf *out);
/* Names ending in "password" or "secret" are not shown. */
bool setting_is_secret(const struct setting *def);
/* Ends in ".*". */
bool setting_is_open(const struct setting *def);
/* Equal when case, '-' and '_' do not count (Spring Boot's relaxed names). */
bool setting_names_equal(struct str a, struct str b);

struct setting_value {
	const struct setting *def;
	struct str key;  /* below an open name; else absent */
	struct str text; /* with a NUL behind it; absent: unset, no default */
	int64_t number;
	struct str where;           /* "file:12", or absent for a default */
	struct setting_value *next; /* below the same open name, in order */
};

struct settings {
	const struct setting *table;
	size_t n;
	struct setting_value *values; /* as the table */
	struct arena *arena;
};

#endif
