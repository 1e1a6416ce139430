/* SPDX-License-Identifier: Apache-2.0 */
/* application.properties as Spring Boot reads it (java.util.Properties' format):
 * key=value, key:value or key value; # and ! begin comment lines; a backslash at
 * the end of a line continues it (leading blanks of the next line dropped); \n,
 * \t, \r, \f, \\, \uXXXX and an escaped separator; a later key wins. Names are relaxed:
 * contactPoints, contact_points and CONTACT-POINTS are contact-points.
 *
 * A program has one table of settings; from it come checking, defaults, --help,
 * --print-config and the manual page. */
#ifndef INLAY_BASE_PROPERTIES_H
#define INLAY_BASE_PROPERTIES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum setting_type {
	SETTING_STRING,
	SETTING_PATH,
	SETTING_BOOL,     /* true|false, also yes|no, on|off, 1|0 */
	SETTING_INT,      /* min..max */
	SETTING_SIZE,     /* bytes, with KiB MiB GiB (also K M G KB MB GB = binary) */
	SETTING_DURATION, /* ISO 8601, or a number with ms s m h d as Spring Boot (none:
			     ms) */
	SETTING_ENUM,     /* one of `allowed`, separated by '|' */
	SETTING_LIST,     /* comma-separated strings */
};

struct setting {
	const char *name; /* canonical, kebab case; ending in ".*" = any
			     name below it (logging.level.*) */
	enum setting_type type;
	const char *default_value; /* text as it would be written; NULL: unset */
	int64_t min, max;          /* INT, SIZE (bytes), DURATION (ms); both 0: any that
				      is not negative */
	const char *allowed;       /* ENUM: case, '-' and '_' of a value do not count */
	const char *ignored_why;   /* not NULL: accepted, has no effect, and why */
	const char *help;          /* one sentence */
};

struct settings;

/* Reads a file of this table. All errors are collected, each with
 * "file:line" as its place and what is allowed in its message; an ignored
 * setting that is present gives an entry in `warnings` instead (may be NULL).
 * NULL exactly if there was an error. `table` must outlive the result. */
struct settings *settings_load(const struct setting *table, size_t n, const char *path,
			       struct error_list *errors, struct error_list *warnings);
/* The same from memory; `name` stands for the file in messages. */
struct settings *settings_parse(const struct setting *table, size_t n, struct str text,
				const char *name, struct error_list *errors,
				struct error_list *warnings);
void settings_free(struct settings *s);
/* One override as on a command line: --set key=value. */
bool settings_set(struct settings *s, struct str key, struct str value,
		  const char *where, struct error *err);

/* Values (default if not set). The name must be in the table: assert. Text (but not
 * the parts of a list) is
 * NUL-terminated and valid until settings_free. */
bool settings_is_set(const struct settings *s, const char *name);
struct str settings_str(const struct settings *s,
			const char *name); /* absent if unset */
/* "file:12" of where it was set; absent for a default. NUL-terminated. */
struct str settings_where(const struct settings *s, const char *name);
bool settings_bool(const struct settings *s, const char *name);
int64_t settings_int(const struct settings *s,
		     const char *name); /* INT, SIZE, DURATION */
/* How many entries there are, of which the first max are in out. */
size_t settings_list(const struct settings *s, const char *name, struct str *out,
		     size_t max);
/* Calls f for every key set below a ".*" name, in the order of the file: key is
 * what stands for the star, as it was written. */
void settings_each(const struct settings *s, const char *name,
		   void (*f)(void *ctx, struct str key, struct str value), void *ctx);
/* name=value lines of all settings, each below a comment with its origin, for
 * --print-config; it reads back as the same settings, except that names ending in
 * "password" or "secret" are masked. */
void settings_print(const struct settings *s, struct buf *out);
/* The table as text for --help. */
void settings_help(const struct setting *table, size_t n, struct buf *out);

#endif
