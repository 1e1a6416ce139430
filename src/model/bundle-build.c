/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bundle-build.h"

#include <stdlib.h>

#include "model/csv-table.h"
#include "model/unpack.h"

#define ARENA_MAX (4 << 20)

static const char *const recipients_names[] = {
	BUNDLE_RECIPIENTS, BUNDLE_RECIPIENTS ".gz", BUNDLE_RECIPIENTS ".zst"};

struct building {
	const struct bundle_source *source;
	struct arena *arena;
	struct error_list *errors;
	struct campaign campaign;
	struct bundle_file files[BUNDLE_FILES_MAX];
	size_t n_files;
	/* the file that is being read */
	struct bundle_file *file;
	struct crypto_sha256_state hash;
	struct unpack *unpack;   /* recipients */
	struct csv_table *table; /* likewise */
};

static bool add(struct building *b, struct str file, const struct error *err)
{
	struct error e = *err;
	bundle_error_in(&e, file);
	if (e.kind == ERROR_NOT_FOUND)
		return error_list_add(b->errors, e.kind, e.where, "is missing");
	return error_list_add_error(b->errors, &e);
}

static bool take_text(void *ctx, struct str bytes, struct error *err)
{
	struct buf *text = ctx;
	if (buf_add_str(text, bytes))
		return true;
	return text->state == BUF_FULL ? error_set(err, ERROR_TOO_LARGE, "",
						   "is over %zu bytes", text->max)
				       : error_set(err, ERROR_MEMORY, "", "no memory");
}

static bool read_campaign(struct building *b, struct buf *text)
{
	struct error err = {0};
	if (!b->source->read(b->source->ctx, STR(BUNDLE_CAMPAIGN), take_text, text,
			     &err))
		return add(b, STR(BUNDLE_CAMPAIGN), &err);
	size_t before = b->errors->n;
	bool ok = campaign_parse(buf_str(text), b->arena, &b->campaign, b->errors);
	for (size_t i = before; i < b->errors->n; i++)
		bundle_error_in(&b->errors->items[i], STR(BUNDLE_CAMPAIGN));
	return ok;
}

static bool count_row(void *ctx, const struct str *fields, uint64_t line,
		      struct error *err)
{
	struct building *b = ctx;
	(void)fields, (void)line, (void)err;
	b->file->rows++;
	return true;
}

static bool count_bad_row(void *ctx, uint64_t line, size_t fields, size_t columns,
			  struct error *err)
{
	(void)fields, (void)columns;
	return count_row(ctx, NULL, line, err);
}

static bool take_unpacked(void *ctx, struct str bytes, struct error *err)
{
	struct building *b = ctx;
	return csv_table_feed(b->table, bytes, err);
}

static bool take_file(void *ctx, struct str bytes, struct error *err)
{
	struct building *b = ctx;
	crypto_sha256_add(&b->hash, bytes);
	b->file->bytes += bytes.n;
	return b->unpack == NULL || unpack_feed(b->unpack, bytes, err);
}

static bool read_file(struct building *b, struct bundle_file *f, struct error *err)
{
	b->file = f;
	crypto_sha256_start(&b->hash);
	bool ok = b->source->read(b->source->ctx, f->name, take_file, b, err);
	if (ok && b->unpack != NULL)
		ok = unpack_end(b->unpack, err) && csv_table_end(b->table, err);
	crypto_sha256_end(&b->hash, f->sha256);
	return ok;
}

static bool add_template(struct building *b, struct str name)
{
	struct error err = {0};
	struct bundle_file *f = &b->files[b->n_files];
	*f = (struct bundle_file){.kind = BUNDLE_FILE_TEMPLATE};
	f->name = arena_printf(b->arena, "templates/%.*s.json", STR_ARG(name));
	if (f->name.p == NULL)
		error_set(&err, ERROR_MEMORY, "", "no memory");
	else if (read_file(b, f, &err))
		b->n_files++;
	return err.kind == ERROR_NONE || add(b, f->name, &err);
}

static bool read_recipients(struct building *b, struct bundle_file *f,
			    struct error *err)
{
	const struct csv_limits limits = {.max_fields = BUNDLE_COLUMNS_MAX + 1,
					  .max_field = BUNDLE_VALUE_MAX,
					  .max_record = BUNDLE_ROW_MAX};
	const struct csv_table_handler handler = {b, NULL, count_row, count_bad_row};
	b->table = csv_table_new(STR("user"), &limits, &handler);
	b->unpack = unpack_new(unpack_kind_of(f->name), BUNDLE_FILE_BYTES_MAX,
			       take_unpacked, b);
	bool ok = b->table != NULL && b->unpack != NULL
			  ? read_file(b, f, err)
			  : error_set(err, ERROR_MEMORY, "", "no memory");
	unpack_free(b->unpack);
	csv_table_free(b->table);
	b->unpack = NULL;
	b->table = NULL;
	return ok;
}

/* Whichever of the three names lies there. */
static bool add_recipients(struct building *b)
{
	bool found = false, ok = true;
	for (size_t i = 0; i < sizeof recipients_names / sizeof *recipients_names;
	     i++) {
		struct bundle_file *f = &b->files[b->n_files];
		struct error err = {0};
		*f = (struct bundle_file){.name = str_of(recipients_names[i]),
					  .kind = BUNDLE_FILE_RECIPIENTS,
					  .has_rows = true};
		if (!read_recipients(b, f, &err)) {
			if (err.kind != ERROR_NOT_FOUND)
				ok = add(b, f->name, &err);
		} else if (found) {
			ok = error_list_add(b->errors, ERROR_CONFLICT,
					    recipients_names[i],
					    "is a second file of recipients");
		} else {
			found = true;
			b->n_files++;
		}
	}
	if (!found && ok)
		return error_list_add(b->errors, ERROR_NOT_FOUND, BUNDLE_RECIPIENTS,
				      "is missing");
	return ok;
}

static bool build(struct building *b, struct buf *out)
{
	struct buf text;
	struct json_writer w;
	buf_init(&text, CAMPAIGN_JSON_MAX);
	bool ok = read_campaign(b, &text);
	for (size_t i = 0; ok && i < b->campaign.n_variants; i++)
		ok = add_template(b, b->campaign.variants[i].template_name);
	if (ok && b->campaign.from == AUDIENCE_RECIPIENTS)
		ok = add_recipients(b);
	if (ok) {
		json_writer_init(&w, out);
		bundle_put_json(&w, str_trim(buf_str(&text)), b->files, b->n_files);
		buf_add_char(out, '\n');
		if (out->state == BUF_NOMEM)
			ok = error_list_add(b->errors, ERROR_MEMORY, "",
					    "out of memory");
		else if (!buf_ok(out))
			ok = error_list_add(b->errors, ERROR_TOO_LARGE, BUNDLE_MANIFEST,
					    "would be too large");
	}
	buf_free(&text);
	return ok;
}

bool bundle_build(const struct bundle_source *source, struct buf *out,
		  struct error_list *errors)
{
	struct building *b = calloc(1, sizeof *b);
	struct arena *arena = arena_new(ARENA_MAX);
	bool ok = b != NULL && arena != NULL;
	if (ok) {
		b->source = source;
		b->arena = arena;
		b->errors = errors;
		ok = build(b, out);
	} else {
		error_list_add(errors, ERROR_MEMORY, "", "no memory");
	}
	arena_free(arena);
	free(b);
	return ok;
}
