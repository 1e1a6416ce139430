/* SPDX-License-Identifier: Apache-2.0 */
#include "base/properties-internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)

/* --- one value ----------------------------------------------------------- */

/* The row of a key; for an open name *below is what stands for the star. */
static const struct setting *find(const struct setting *table, size_t n, struct str key,
				  struct str *below)
{
	*below = (struct str){NULL, 0};
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(table[i].name);
		if (!setting_is_open(&table[i])) {
			if (setting_names_equal(name, key))
				return &table[i];
			continue;
		}
		/* up to and with its last dot */
		struct str prefix = str_slice(name, 0, name.n - 1);
		for (size_t dot = 0; dot < key.n; dot++) {
			if (key.p[dot] != '.' || dot + 1 == key.n ||
			    !setting_names_equal(prefix, str_slice(key, 0, dot + 1)))
				continue;
			*below = str_slice(key, dot + 1, key.n);
			return &table[i];
		}
	}
	return NULL;
}

static struct setting_value *value_of(const struct settings *s,
				      const struct setting *def)
{
	return &s->values[def - s->table];
}

/* The place of a key below an open name, made if it is new. */
static struct setting_value *below_open(struct settings *s, const struct setting *def,
					struct str below)
{
	struct setting_value *v = value_of(s, def);
	for (; v->next != NULL; v = v->next)
		if (str_eq(v->next->key, below))
			return v->next;
	struct setting_value *added = arena_make(s->arena, struct setting_value);
	if (added == NULL)
		return NULL;
	*added = (struct setting_value){.def = def, .key = arena_str(s->arena, below)};
	v->next = added;
	return added;
}

static bool put(struct settings *s, const struct setting *def, struct str below,
		struct str value, struct str where, struct error *err)
{
	struct str text;
	int64_t number;
	struct error why;
	if (!setting_parse(def, value, &text, &number, &why))
		return error_set(err, ERROR_BAD_VALUE, "", "%s: %s", def->name,
				 why.message);
	struct setting_value *v =
		below.p == NULL ? value_of(s, def) : below_open(s, def, below);
	text = arena_str(s->arena, text.p != NULL ? text : STR(""));
	where = arena_str(s->arena, where);
	if (v == NULL || arena_failed(s->arena))
		return error_set(err, ERROR_MEMORY, "", "%s: no memory", def->name);
	v->text = text;
	v->number = number;
	v->where = where;
	return true;
}

/* --- suggestions --------------------------------------------------------- */

#define NAME_MAX_COMPARED 80

/* Levenshtein's distance; names longer than the maximum count as far. */
static size_t distance(struct str a, struct str b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	if (a.n > NAME_MAX_COMPARED || b.n > NAME_MAX_COMPARED)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = corner;
			if (str_lower_char(a.p[i - 1]) != str_lower_char(b.p[j - 1]))
				best++;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}

static bool unknown(const struct setting *table, size_t n, struct str key,
		    struct error *err)
{
	const char *nearest = NULL;
	size_t least = 4; /* farther than three letters off helps nobody */
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(table[i].name);
		/* each byte more or less is one apart */
		if (name.n >= key.n + least || key.n >= name.n + least)
			continue;
		size_t d = distance(key, name);
		if (d < least) {
			least = d;
			nearest = table[i].name;
		}
	}
	key = str_slice(key, 0, NAME_MAX_COMPARED);
	if (nearest != NULL)
		return error_set(err, ERROR_UNKNOWN_FIELD, "",
				 "unknown setting %.*s; did you mean %s?", STR_ARG(key),
				 nearest);
	return error_set(err, ERROR_UNKNOWN_FIELD, "",
			 "unknown setting %.*s; --help lists all that are known",
			 STR_ARG(key));
}

/* --- a whole file -------------------------------------------------------- */

static bool set_defaults(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct setting *def = &s->table[i];
		s->values[i].def = def;
		if (def->default_value == NULL)
			continue;
		struct str text;
		bool good = setting_parse(def, str_of(def->default_value), &text,
					  &s->values[i].number, NULL);
		assert(good && !setting_is_open(def));
		(void)good;
		s->values[i].text = arena_str(s->arena, text);
	}
	return !arena_failed(s->arena);
}

static struct settings *settings_new(const struct setting *table, size_t n)
{
	struct settings *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	*s = (struct settings){.table = table, .n = n};
	s->arena = arena_new(16 * FILE_MAX);
	s->values = calloc(n > 0 ? n : 1, sizeof *s->values);
	if (s->arena == NULL || s->values == NULL || !set_defaults(s)) {
		settings_free(s);
		return NULL;
	}
	return s;
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	arena_free(s->arena);
	free(s->values);
	free(s);
}

/* One line of the file. */
static void take(struct settings *s, const struct property *line, struct str where,
		 struct error_list *errors, struct error_list *warnings)
{
	struct str below;
	struct error err;
	if (line->fault != NULL) {
		error_list_add(errors, ERROR_SYNTAX, where.p, "%s", line->fault);
		return;
	}
	const struct setting *def = find(s->table, s->n, line->key, &below);
	if (def != NULL && def->ignored_why != NULL) {
		if (warnings != NULL)
			error_list_add(warnings, ERROR_NOT_BUILT, where.p,
				       "%s has no effect: %s", def->name,
				       def->ignored_why);
		return;
	}
	bool good = def == NULL ? unknown(s->table, s->n, line->key, &err)
				: put(s, def, below, line->value, where, &err);
	if (!good)
		error_list_add(errors, err.kind, where.p, "%s", err.message);
}

static bool take_all(struct settings *s, struct str text, const char *name,
		     struct error_list *errors, struct error_list *warnings)
{
	size_t before = errors->n + errors->dropped;
	struct properties_reader r;
	struct property line;
	properties_reader_init(&r, text);
	while (properties_next(&r, &line)) {
		char where[sizeof((struct error *)0)->where];
		snprintf(where, sizeof where, "%s:%u", name, line.line);
		take(s, &line, str_of(where), errors, warnings);
	}
	properties_reader_free(&r);
	return errors->n + errors->dropped == before;
}

struct settings *settings_parse(const struct setting *table, size_t n, struct str text,
				const char *name, struct error_list *errors,
				struct error_list *warnings)
{
	struct settings *s = settings_new(table, n);
	if (s == NULL) {
		error_list_add(errors, ERROR_MEMORY, name, "no memory for settings");
		return NULL;
	}
	if (!take_all(s, text, name, errors, warnings)) {
		settings_free(s);
		return NULL;
	}
	return s;
}

/* The whole file into `out`; 0 or errno (EFBIG if it is over the maximum). */
static int read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int problem = 0;
	if (fd < 0)
		return errno;
	for (;;) {
		char *p = buf_reserve(out, 16384);
		ssize_t n = p == NULL ? 0 : read(fd, p, 16384);
		if (p == NULL)
			problem = out->state == BUF_FULL ? EFBIG : ENOMEM;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0)
			problem = errno;
		if (p == NULL || n <= 0)
			break;
		buf_commit(out, (size_t)n);
	}
	close(fd);
	return problem;
}

struct settings *settings_load(const struct setting *table, size_t n, const char *path,
			       struct error_list *errors, struct error_list *warnings)
{
	struct buf text;
	struct settings *s = NULL;
	buf_init(&text, FILE_MAX);
	int problem = read_file(path, &text);
	if (problem != 0) {
		struct error err;
		error_set_errno(&err, path, problem, "cannot read the settings");
		error_list_add_error(errors, &err);
	} else {
		s = settings_parse(table, n, buf_str(&text), path, errors, warnings);
	}
	buf_free(&text);
	return s;
}

bool settings_set(struct settings *s, struct str key, struct str value,
		  const char *where, struct error *err)
{
	struct str below;
	struct error why;
	bool good = str_is_utf8(key) && str_is_utf8(value);
	if (!good)
		return error_set(err, ERROR_SYNTAX, where, "not UTF-8");
	const struct setting *def = find(s->table, s->n, key, &below);
	if (def != NULL && def->ignored_why != NULL)
		return error_set(err, ERROR_NOT_BUILT, where, "%s has no effect: %s",
				 def->name, def->ignored_why);
	good = def == NULL ? unknown(s->table, s->n, key, &why)
			   : put(s, def, below, value, str_of(where), &why);
	return good || error_set(err, why.kind, where, "%s", why.message);
}

/* --- values -------------------------------------------------------------- */

static const struct setting_value *get(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eqz(str_of(s->table[i].name), name))
			return &s->values[i];
	assert(!"a setting that is not in the table");
	abort();
}

bool settings_is_set(const struct settings *s, const char *name)
{
	return get(s, name)->where.p != NULL;
}

struct str settings_str(const struct settings *s, const char *name)
{
	return get(s, name)->text;
}

struct str settings_where(const struct settings *s, const char *name)
{
	return get(s, name)->where;
}

bool settings_bool(const struct settings *s, const char *name)
{
	const struct setting_value *v = get(s, name);
	assert(v->def->type == SETTING_BOOL);
	return v->number != 0;
}

int64_t settings_int(const struct settings *s, const char *name)
{
	const struct setting_value *v = get(s, name);
	assert(v->def->type == SETTING_INT || v->def->type == SETTING_SIZE ||
	       v->def->type == SETTING_DURATION);
	return v->number;
}

size_t settings_list(const struct settings *s, const char *name, struct str *out,
		     size_t max)
{
	const struct setting_value *v = get(s, name);
	struct str rest = v->text, part;
	size_t n = 0;
	assert(v->def->type == SETTING_LIST);
	while (str_next_part(&rest, ',', &part)) {
		part = str_trim(part);
		if (part.n > 0 && n++ < max)
			out[n - 1] = part;
	}
	return n;
}

void settings_each(const struct settings *s, const char *name,
		   void (*f)(void *ctx, struct str key, struct str value), void *ctx)
{
	const struct setting_value *v = get(s, name);
	assert(setting_is_open(v->def));
	for (v = v->next; v != NULL; v = v->next)
		f(ctx, v->key, v->text);
}
