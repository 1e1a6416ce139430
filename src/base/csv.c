/* SPDX-License-Identifier: Apache-2.0 */
/* A state machine over the bytes. The fields of a record that lies within one
 * chunk point into it; what a chunk's end or a doubled quote cuts is collected in
 * a buffer. So every split into chunks gives the same records and errors. */
#include "base/csv.h"

#include <stdlib.h>

enum state {
	RECORD_START,
	EMPTY_LINE_CR, /* a CR at the start of a line */
	FIELD_START,
	UNQUOTED,
	QUOTED,
	QUOTE_SEEN, /* the quote was the end, or the first of two */
	RECORD_CR,  /* the last field is complete, an LF must follow */
};

#define IN_CHUNK SIZE_MAX

struct csv {
	struct csv_limits limits;
	csv_record_fn *fn;
	void *ctx;

	enum state state;
	unsigned bom; /* bytes of the byte order mark seen; 3: done with it */
	uint64_t line, record_line, quote_line;

	/* complete fields: fields[i] in the chunk, or at offsets[i] in buf */
	struct str *fields;
	size_t *offsets;
	size_t n;
	size_t record_len;
	struct buf buf;

	/* the field under way; once it is in buf, all before it are */
	struct str field;
	size_t field_offset;
	const char *run; /* bytes from here on are not in field yet */
};

static const char bom[3] = {'\xef', '\xbb', '\xbf'};

struct csv *csv_new(const struct csv_limits *limits, csv_record_fn *fn, void *ctx)
{
	struct csv *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	*c = (struct csv){.limits = *limits, .fn = fn, .ctx = ctx, .line = 1};
	buf_init(&c->buf, limits->max_record);
	c->fields = calloc(limits->max_fields + 1, sizeof *c->fields);
	c->offsets = calloc(limits->max_fields + 1, sizeof *c->offsets);
	if (c->fields == NULL || c->offsets == NULL) {
		csv_free(c);
		return NULL;
	}
	return c;
}

void csv_free(struct csv *c)
{
	if (c == NULL)
		return;
	buf_free(&c->buf);
	free(c->fields);
	free(c->offsets);
	free(c);
}

static bool fail(enum error_kind kind, uint64_t line, const char *what,
		 struct error *err)
{
	char text[32];
	struct buf where = {.p = text, .cap = sizeof text, .max = sizeof text};
	buf_add_str(&where, STR("line "));
	buf_add_u64(&where, line);
	buf_add_char(&where, '\0');
	return error_set(err, kind, text, "%s", what);
}

static bool fail_memory(struct error *err)
{
	return error_set(err, ERROR_MEMORY, "", "no memory for a record");
}

/* --- the field and the record under way ---------------------------------- */

static void start_field(struct csv *c, const char *at)
{
	c->field = (struct str){at, 0};
	c->field_offset = IN_CHUNK;
	c->run = at;
}

/* Moves what points into the chunk to the buffer: the fields before, then the
 * one under way if there is one. */
static bool stash(struct csv *c, bool in_field)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->offsets[i] != IN_CHUNK)
			continue;
		c->offsets[i] = c->buf.n;
		buf_add_str(&c->buf, c->fields[i]);
	}
	if (in_field && c->field_offset == IN_CHUNK) {
		c->field_offset = c->buf.n;
		buf_add_str(&c->buf, c->field);
	}
	return buf_ok(&c->buf);
}

/* The bytes [run, end) belong to the field. */
static bool take_run(struct csv *c, const char *end, struct error *err)
{
	size_t n = (size_t)(end - c->run);
	size_t in_field = c->limits.max_field - c->field.n;
	size_t in_record = c->limits.max_record - c->record_len;
	/* the one that would be passed first, however the bytes come in */
	if (n > in_field && in_field <= in_record)
		return fail(ERROR_TOO_LARGE, c->record_line, "a field is too long",
			    err);
	if (n > in_record)
		return fail(ERROR_TOO_LARGE, c->record_line, "the record is too long",
			    err);
	if (c->field_offset != IN_CHUNK && !buf_add(&c->buf, c->run, n))
		return fail_memory(err);
	c->field.n += n;
	c->record_len += n;
	c->run = end;
	return true;
}

static bool end_field(struct csv *c, struct error *err)
{
	if (c->n == c->limits.max_fields)
		return fail(ERROR_TOO_LARGE, c->record_line, "too many fields", err);
	c->fields[c->n] = c->field;
	c->offsets[c->n++] = c->field_offset;
	return true;
}

static bool end_record(struct csv *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->offsets[i] != IN_CHUNK)
			c->fields[i].p = c->buf.p + c->offsets[i];
	bool go_on = c->fn(c->ctx, c->fields, c->n, c->record_line);
	buf_clear(&c->buf);
	c->n = 0;
	c->record_len = 0;
	c->state = RECORD_START;
	return go_on;
}

/* --- scanning ------------------------------------------------------------ */

/* True if one of eight bytes at p is a comma, a quote, LF or CR. May also say so
 * when none is (a borrow from a byte below): the caller looks closely then. */
static bool eight_may_end(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = UINT64_C(0x8080808080808080);
	uint64_t v;
	memcpy(&v, p, sizeof v);
	uint64_t comma = v ^ (ones * ','), quote = v ^ (ones * '"');
	uint64_t lf = v ^ (ones * '\n'), cr = v ^ (ones * '\r');
	return ((((comma - ones) & ~comma) | ((quote - ones) & ~quote) |
		 ((lf - ones) & ~lf) | ((cr - ones) & ~cr)) &
		tops) != 0;
}

static const char *skip_unquoted(const char *at, const char *end)
{
	while (end - at >= 8 && !eight_may_end(at))
		at += 8;
	while (at < end && *at != ',' && *at != '\n' && *at != '\r' && *at != '"')
		at++;
	return at;
}

/* To the next quote, counting lines. */
static const char *skip_quoted(struct csv *c, const char *at, const char *end)
{
	const char *quote = memchr(at, '"', (size_t)(end - at));
	if (quote == NULL)
		quote = end;
	while ((at = memchr(at, '\n', (size_t)(quote - at))) != NULL) {
		c->line++;
		at++;
	}
	return quote;
}

/* What ends a field: a comma, LF, CR. False with err untouched: stopped. */
static bool take_end(struct csv *c, char byte, struct error *err)
{
	if (!end_field(c, err))
		return false;
	if (byte == ',') {
		c->state = FIELD_START;
	} else if (byte == '\r') {
		c->state = RECORD_CR;
	} else {
		c->line++;
		return end_record(c);
	}
	return true;
}

static bool take_line_start(struct csv *c, const char **at)
{
	c->record_line = c->line;
	if (**at == '\n') {
		c->line++;
		++*at;
	} else if (**at == '\r') {
		c->state = EMPTY_LINE_CR;
		++*at;
	} else {
		c->state = FIELD_START;
	}
	return true;
}

static bool take_field_start(struct csv *c, const char **at)
{
	c->state = UNQUOTED;
	if (**at == '"') {
		c->state = QUOTED;
		c->quote_line = c->line;
		++*at;
	}
	start_field(c, *at);
	return true;
}

static bool take_unquoted(struct csv *c, const char **at, const char *end,
			  struct error *err)
{
	*at = skip_unquoted(*at, end);
	if (!take_run(c, *at, err))
		return false;
	if (*at == end)
		return true;
	if (**at == '"')
		return fail(ERROR_SYNTAX, c->line,
			    "a quote inside a field that does not begin with one", err);
	return take_end(c, *(*at)++, err);
}

static bool take_quoted(struct csv *c, const char **at, const char *end,
			struct error *err)
{
	*at = skip_quoted(c, *at, end);
	if (!take_run(c, *at, err))
		return false;
	if (*at < end) {
		c->state = QUOTE_SEEN;
		++*at;
	}
	return true;
}

static bool take_behind_quote(struct csv *c, const char **at, struct error *err)
{
	char byte = **at;
	if (byte == '"') {
		/* the second of two: it begins the field's next run */
		if (!stash(c, true))
			return fail_memory(err);
		c->run = (*at)++;
		c->state = QUOTED;
		return true;
	}
	if (byte != ',' && byte != '\n' && byte != '\r')
		return fail(ERROR_SYNTAX, c->line, "text behind a closing quote", err);
	++*at;
	return take_end(c, byte, err);
}

static bool take_line_feed(struct csv *c, const char **at, struct error *err)
{
	if (**at != '\n')
		return fail(ERROR_SYNTAX, c->line,
			    "a carriage return without a line feed", err);
	++*at;
	c->line++;
	if (c->state == RECORD_CR)
		return end_record(c);
	c->state = RECORD_START;
	return true;
}

static bool in_field(const struct csv *c)
{
	return c->state == UNQUOTED || c->state == QUOTED || c->state == QUOTE_SEEN;
}

static bool feed(struct csv *c, struct str chunk, struct error *err)
{
	const char *at = chunk.p, *end = at + chunk.n;
	bool ok = true;
	c->run = at;
	while (ok && at < end) {
		switch (c->state) {
		case RECORD_START:
			ok = take_line_start(c, &at);
			break;
		case FIELD_START:
			ok = take_field_start(c, &at);
			break;
		case UNQUOTED:
			ok = take_unquoted(c, &at, end, err);
			break;
		case QUOTED:
			ok = take_quoted(c, &at, end, err);
			break;
		case QUOTE_SEEN:
			ok = take_behind_quote(c, &at, err);
			break;
		case EMPTY_LINE_CR:
		case RECORD_CR:
			ok = take_line_feed(c, &at, err);
			break;
		}
	}
	/* a quote doubled at the very end is a run that was not taken yet */
	if (ok && in_field(c) && c->state != QUOTE_SEEN)
		ok = take_run(c, end, err);
	if (ok && !stash(c, in_field(c)))
		ok = fail_memory(err);
	return ok;
}

bool csv_feed(struct csv *c, struct str chunk, struct error *err)
{
	while (c->bom < sizeof bom && chunk.n > 0) {
		if (chunk.p[0] != bom[c->bom]) {
			struct str seen = {bom, c->bom};
			c->bom = sizeof bom;
			if (seen.n > 0 && !feed(c, seen, err))
				return false;
			break;
		}
		c->bom++;
		chunk = str_slice(chunk, 1, chunk.n);
	}
	return chunk.n == 0 || feed(c, chunk, err);
}

bool csv_end(struct csv *c, struct error *err)
{
	struct str cut = {bom, c->bom};
	if (cut.n > 0 && cut.n < sizeof bom && !feed(c, cut, err))
		return false;
	switch (c->state) {
	case RECORD_START:
		return true;
	case EMPTY_LINE_CR:
	case RECORD_CR:
		return fail(ERROR_SYNTAX, c->line,
			    "a carriage return without a line feed", err);
	case QUOTED:
		return fail(ERROR_SYNTAX, c->quote_line, "a quoted field is not closed",
			    err);
	case FIELD_START: /* behind a comma */
		start_field(c, "");
		break;
	case UNQUOTED:
	case QUOTE_SEEN:
		break;
	}
	return end_field(c, err) && end_record(c);
}
