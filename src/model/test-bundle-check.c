/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "model/bundle-build.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#define CAMPAIGN                                                                       \
	"{\"id\":\"spring\",\"version\":3,\"name\":\"Spring offer\","                  \
	"\"type\":\"newsletter\",\"legalClass\":\"own_marketing\","                    \
	"\"purpose\":\"newsletter\",\"audience\":{\"from\":\"recipients\"},"           \
	"\"schedule\":{\"start\":\"2026-05-01T08:00:00Z\","                            \
	"\"end\":\"2026-06-01T08:00:00Z\"},"                                           \
	"\"variants\":[{\"id\":\"a\",\"templates\":{\"en\":\"t\"}}]}"
#define TEMPLATE                                                                       \
	"{\"from\":{\"name\":\"Acme\",\"address\":\"news@example.org\"},"              \
	"\"replyTo\":\"care@example.com\",\"subject\":\"{{name}}, hello\","            \
	"\"html\":\"<p>{{name}} {{#vip}}{{city}}{{/vip}} <a href=\\\"{{link}}\\\">"    \
	"here</a> {{team}}\",\"defaults\":{\"team\":\"us\"}}"
#define RECIPIENTS                                                                     \
	"user,name,link,vip,city\n"                                                    \
	"a@example.org,Ann,https://example.org/1,,\n"                                  \
	"b@example.org,Ben,https://example.org/2,1,Bonn\n"

/* A bundle in memory; a file without text is not there. */
struct file {
	const char *name;
	struct str text;
};
enum { MANIFEST, CAMPAIGN_FILE, TEMPLATE_FILE, PLAIN, GZIP, ZSTD, FILES };
struct fixture {
	struct file files[FILES];
	struct buf manifest;
	struct bundle_check *check;
	struct error_list errors;
	size_t piece; /* how the source cuts its files */
};

static bool read_memory(void *ctx, struct str name, bundle_bytes_fn *take, void *tctx,
			struct error *err)
{
	const struct fixture *f = ctx;
	for (size_t i = 0; i < FILES; i++) {
		if (!str_eqz(name, f->files[i].name) || f->files[i].text.p == NULL)
			continue;
		struct str text = f->files[i].text;
		for (size_t at = 0; at < text.n; at += f->piece)
			if (!take(tctx, str_slice(text, at, at + f->piece), err))
				return false;
		return true;
	}
	return error_set(err, ERROR_NOT_FOUND, "", "no such file");
}

static struct bundle_source source(struct fixture *f)
{
	return (struct bundle_source){f, read_memory};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	static const char *const names[FILES] = {
		"bundle.json",    "campaign.json",     "templates/t.json",
		"recipients.csv", "recipients.csv.gz", "recipients.csv.zst"};
	for (size_t i = 0; i < FILES; i++)
		f->files[i].name = names[i];
	f->files[CAMPAIGN_FILE].text = STR(CAMPAIGN);
	f->files[TEMPLATE_FILE].text = STR(TEMPLATE);
	f->files[PLAIN].text = STR(RECIPIENTS);
	f->piece = 11;
	buf_init(&f->manifest, BUNDLE_MANIFEST_MAX);
	error_list_init(&f->errors, 100);
	f->check = bundle_check_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	buf_free(&f->manifest);
	error_list_free(&f->errors);
	bundle_check_free(f->check);
	free(f);
	return 0;
}

static void builds(struct fixture *f)
{
	struct bundle_source s = source(f);
	buf_clear(&f->manifest);
	if (!bundle_build(&s, &f->manifest, &f->errors))
		fail_msg("%s: %s", f->errors.items[0].where,
			 f->errors.items[0].message);
	f->files[MANIFEST].text = buf_str(&f->manifest);
}

static bool check_with(struct fixture *f, const struct tenant *t,
		       const struct bundle_rows_sink *sink)
{
	struct bundle_source s = source(f);
	bundle_check_free(f->check);
	f->check = bundle_check_new();
	return bundle_check_documents(f->check, &s, t) &&
	       bundle_check_rows(f->check, &s, sink);
}

static const struct bundle_rows_sink nobody = {.ctx = NULL};

static void passes(struct fixture *f)
{
	if (!check_with(f, NULL, &nobody))
		fail_msg("%s: %s", f->check->errors.items[0].where,
			 f->check->errors.items[0].message);
}

static void fails(struct fixture *f, enum error_kind kind, const char *where)
{
	assert_false(check_with(f, NULL, &nobody));
	assert_int_equal(f->check->errors.n, 1);
	const struct error *e = &f->check->errors.items[0];
	assert_string_equal(e->where, where);
	if (e->kind != kind)
		fail_msg("%s: got %s, want %s", e->message,
			 error_kind_info(e->kind)->slug, error_kind_info(kind)->slug);
}

static void a_built_bundle_passes(void **state)
{
	struct fixture *f = *state;
	builds(f);
	passes(f);
	const struct bundle_check *c = f->check;
	assert_str(c->bundle.campaign.id, "spring");
	assert_int_equal(c->rows_read, 2);
	assert_int_equal(c->rows_rejected, 0);
	assert_int_equal(c->n_columns, 4);
	assert_str(c->columns[3], "city");
	assert_int_equal(c->bytes_read, sizeof RECIPIENTS - 1);
	const struct bundle_file *r = bundle_recipients(&c->bundle);
	assert_true(r->has_rows);
	assert_int_equal(r->rows, 2);
}

static void the_campaign_learns_its_template_s_hash_and_variables(void **state)
{
	struct fixture *f = *state;
	builds(f);
	passes(f);
	const struct campaign_variant *v = &f->check->bundle.campaign.variants[0];
	uint8_t sha256[CRYPTO_SHA256_LEN];
	char hex[65];
	crypto_sha256(STR(TEMPLATE), sha256);
	crypto_hex(hex, sha256, sizeof sha256);
	assert_str(v->template_sha256, hex);
	assert_int_equal(v->n_variables, 5);
	static const struct {
		const char *name;
		bool may_be_absent;
	} want[] = {{"city", true},
		    {"link", false},
		    {"name", false},
		    {"team", true},
		    {"vip", true}};
	for (size_t i = 0; i < 5; i++) {
		assert_str(v->variables[i].name, want[i].name);
		assert_int_equal(v->variables[i].has_default, want[i].may_be_absent);
	}
}

static void each_missing_file_is_named(void **state)
{
	struct fixture *f = *state;
	builds(f);
	f->files[PLAIN].text = (struct str){NULL, 0};
	fails(f, ERROR_NOT_FOUND, "recipients.csv");
	f->files[PLAIN].text = STR(RECIPIENTS);
	f->files[TEMPLATE_FILE].text = (struct str){NULL, 0};
	fails(f, ERROR_NOT_FOUND, "templates/t.json");
	f->files[MANIFEST].text = (struct str){NULL, 0};
	fails(f, ERROR_NOT_FOUND, "bundle.json");
}

static void another_byte_or_length_is_noticed(void **state)
{
	struct fixture *f = *state;
	builds(f);
	f->files[PLAIN].text = STR("user,name,link,vip,city\n"
				   "a@example.org,Ann,https://example.org/1,,\n"
				   "b@example.org,Ben,https://example.org/2,1,Berl\n");
	fails(f, ERROR_UNPROCESSABLE, "recipients.csv");
	f->files[PLAIN].text = STR("user,name,link,vip,city\n"
				   "a@example.org,Ann,https://example.org/1,,\n");
	fails(f, ERROR_UNPROCESSABLE, "recipients.csv");
	f->files[PLAIN].text = STR(RECIPIENTS "c@example.org,Cem,http://x,,\n");
	fails(f, ERROR_UNPROCESSABLE, "recipients.csv");
	f->files[PLAIN].text = STR(RECIPIENTS);
	f->files[TEMPLATE_FILE].text = STR(TEMPLATE " ");
	fails(f, ERROR_UNPROCESSABLE, "templates/t.json");
}

static void packed_recipients_are_read(void **state)
{
	struct fixture *f = *state;
	char packed[1000];
	size_t n = ZSTD_compress(packed, sizeof packed, RECIPIENTS,
				 sizeof RECIPIENTS - 1, 3);
	assert_false(ZSTD_isError(n));
	f->files[PLAIN].text = (struct str){NULL, 0};
	f->files[ZSTD].text = (struct str){packed, n};
	builds(f);
	passes(f);
	assert_int_equal(f->check->rows_read, 2);
	assert_int_equal(f->check->bytes_read, n);
	f->files[ZSTD].text.n--;
	struct bundle_source s = source(f);
	buf_clear(&f->manifest);
	assert_false(bundle_build(&s, &f->manifest, &f->errors));
	assert_int_equal(f->errors.items[0].kind, ERROR_SYNTAX);
}

static void two_files_of_recipients_are_one_too_many(void **state)
{
	struct fixture *f = *state;
	char packed[1000];
	struct bundle_source s = source(f);
	size_t n = ZSTD_compress(packed, sizeof packed, RECIPIENTS,
				 sizeof RECIPIENTS - 1, 3);
	f->files[ZSTD].text = (struct str){packed, n};
	assert_false(bundle_build(&s, &f->manifest, &f->errors));
	assert_int_equal(f->errors.items[0].kind, ERROR_CONFLICT);
}

static void recipients(struct fixture *f, const char *text)
{
	f->files[PLAIN].text = str_of(text);
	builds(f);
}

static void bad_rows_are_rejected_with_their_line(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *rows;
		uint64_t line;
		enum error_kind kind;
	} cases[] = {
		{"a,Ann,https://x/1,,\nb,Ben,https://x/2\n", 3, ERROR_SYNTAX},
		{"a,Ann,https://x/1,,\nb,Ben,https://x/2,,,\n", 3, ERROR_SYNTAX},
		{"a,,https://x/1,,\n", 2, ERROR_UNPROCESSABLE},
		{"a,\"A\nnn\",https://x/1,,\nb,Ben,,,\n", 4, ERROR_UNPROCESSABLE},
		/* shown in the section only */
		{"a,Ann,https://x/1,1,\n", 2, ERROR_UNPROCESSABLE},
		{"a,Ann,javascript:alert(1),,\n", 2, ERROR_UNPROCESSABLE},
		{",Ann,https://x/1,,\n", 2, ERROR_BAD_VALUE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[400], where[64];
		snprintf(text, sizeof text, "user,name,link,vip,city\n%s",
			 cases[i].rows);
		snprintf(where, sizeof where, "recipients.csv:%d", (int)cases[i].line);
		recipients(f, text);
		passes(f);
		const struct error_list *e = &f->check->row_errors;
		if (e->n != 1 || f->check->rows_rejected != 1)
			fail_msg("case %zu: %zu errors", i, e->n);
		assert_string_equal(e->items[0].where, where);
		if (e->items[0].kind != cases[i].kind)
			fail_msg("case %zu: %s (%s)", i,
				 error_kind_info(e->items[0].kind)->slug,
				 e->items[0].message);
	}
}

static void what_cannot_be_read_fails_with_its_line(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][2] = {
		{"user,name,link,vip,city\na,\"A,x,,\n", "recipients.csv:2"},
		{"user,name,link,vip,city\na,A,x,,\nb,\xff,x,,\n", "recipients.csv:3"},
		{"name,user\n", "recipients.csv:1"},
		{"", "recipients.csv:1"},
		{"user,name,name\n", "recipients.csv:1"},
	};
	builds(f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* the builder refuses it, too, so the manifest is of a longer file */
		f->files[PLAIN].text = str_of(cases[i][0]);
		assert_true(strlen(cases[i][0]) < sizeof RECIPIENTS);
		assert_false(check_with(f, NULL, &nobody));
		assert_string_equal(f->check->errors.items[0].where, cases[i][1]);
	}
}

static void a_column_that_no_template_has_is_refused(void **state)
{
	struct fixture *f = *state;
	recipients(f, "user,name,link,vip,city,citty\na,A,http://x,,,\n");
	fails(f, ERROR_UNPROCESSABLE, "recipients.csv:1");
}

static void without_profiles_a_missing_column_passes(void **state)
{
	struct fixture *f = *state;
	recipients(f, "user,link,vip,city\na,http://x,,\n");
	passes(f);
	assert_int_equal(f->check->rows_rejected, 0);
}

/* A sink that knows users and attributes. */
struct people {
	size_t opened, taken;
	struct str last;
	bool stop;
};

static enum bundle_verdict open_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct people *p = ctx;
	p->opened++;
	p->last = row->user;
	if (!str_eqz(row->user, "nobody"))
		return BUNDLE_ROW_TAKEN;
	error_set(reason, ERROR_NOT_FOUND, "", "is not known");
	return BUNDLE_ROW_REJECTED;
}

static bool is_attribute(void *ctx, struct str name)
{
	(void)ctx;
	return str_eqz(name, "name");
}

static struct str attribute(void *ctx, struct str name)
{
	const struct people *p = ctx;
	if (str_eqz(name, "name") && str_eqz(p->last, "ann"))
		return STR("Ann");
	return (struct str){NULL, 0};
}

static enum bundle_verdict take_row(void *ctx, const struct bundle_row *row,
				    struct error *reason)
{
	struct people *p = ctx;
	assert_int_equal(row->n_values, 3);
	p->taken++;
	if (!p->stop)
		return BUNDLE_ROW_TAKEN;
	error_set(reason, ERROR_UNAVAILABLE, "", "asked to stop");
	return BUNDLE_ROW_STOP;
}

static struct bundle_rows_sink sink(struct people *p)
{
	return (struct bundle_rows_sink){.ctx = p,
					 .is_attribute = is_attribute,
					 .open = open_row,
					 .attribute = attribute,
					 .take = take_row};
}

static void the_profile_fills_what_a_row_lacks(void **state)
{
	struct fixture *f = *state;
	struct people p = {.taken = 0};
	const struct bundle_rows_sink s = sink(&p);
	recipients(f, "user,link,vip,city\nann,http://x,,\nben,http://x,,\n"
		      "nobody,http://x,,\n");
	assert_true(check_with(f, NULL, &s));
	assert_int_equal(p.opened, 3);
	assert_int_equal(p.taken, 1);
	assert_int_equal(f->check->rows_rejected, 2);
	assert_string_equal(f->check->row_errors.items[0].where, "recipients.csv:3");
	assert_int_equal(f->check->row_errors.items[1].kind, ERROR_NOT_FOUND);
}

static void a_variable_from_nowhere_makes_it_unusable(void **state)
{
	struct fixture *f = *state;
	struct people p = {.taken = 0};
	const struct bundle_rows_sink s = sink(&p);
	recipients(f, "user,vip,city\nann,,\n");
	assert_false(check_with(f, NULL, &s));
	assert_int_equal(f->check->errors.n, 1);
	assert_string_equal(f->check->errors.items[0].where, "recipients.csv:1");
}

static void a_sink_can_stop_it(void **state)
{
	struct fixture *f = *state;
	struct people p = {.stop = true};
	const struct bundle_rows_sink s = sink(&p);
	recipients(f, "user,link,vip,city\nann,http://x,,\nann,http://x,,\n");
	assert_false(check_with(f, NULL, &s));
	assert_int_equal(p.taken, 1);
	assert_int_equal(f->check->errors.items[0].kind, ERROR_UNAVAILABLE);
}

/* What a sink saw of many rows. */
struct many {
	const struct bundle_row *rows; /* of the batch */
	size_t n, batches, opened;
};

static bool begin_many(void *ctx, const struct bundle_row *rows, size_t n,
		       struct error *err)
{
	struct many *m = ctx;
	(void)err;
	assert_in_range(n, 1, BUNDLE_BATCH_ROWS);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rows[i].index, i);
	m->rows = rows;
	m->n = n;
	m->batches++;
	return true;
}

static enum bundle_verdict open_many(void *ctx, const struct bundle_row *row,
				     struct error *reason)
{
	struct many *m = ctx;
	char name[32];
	(void)reason;
	/* every tenth line is not one of these */
	m->opened += m->opened % 10 == 9;
	snprintf(name, sizeof name, "user%zu", m->opened);
	assert_str(row->user, name);
	assert_int_equal(row->line, m->opened++ + 2);
	assert_ptr_equal(row, &m->rows[row->index]);
	return BUNDLE_ROW_TAKEN;
}

static void many_rows_come_in_batches_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct many m = {.n = 0};
	const struct bundle_rows_sink s = {
		.ctx = &m, .begin = begin_many, .open = open_many};
	struct buf csv;
	enum { ROWS = 3500 };
	buf_init(&csv, 1 << 20);
	buf_add_str(&csv, STR("user,name,link,vip,city\n"));
	for (int i = 0; i < ROWS; i++)
		buf_printf(&csv,
			   i % 10 == 9 ? "user%d,short\n" : "user%d,a,http://x,,\n", i);
	recipients(f, buf_cstr(&csv));
	assert_true(check_with(f, NULL, &s));
	assert_int_equal(m.batches, ROWS / BUNDLE_BATCH_ROWS + 1);
	assert_int_equal(f->check->rows_read, ROWS);
	assert_int_equal(f->check->rows_rejected, ROWS / 10);
	assert_string_equal(f->check->row_errors.items[1].where, "recipients.csv:21");
	buf_free(&csv);
}

static void the_errors_of_a_template_name_its_file(void **state)
{
	struct fixture *f = *state;
	f->files[TEMPLATE_FILE].text =
		STR("{\"from\":{\"address\":\"nobody\"},\"subject\":\"{{x\","
		    "\"html\":\"x\"}");
	builds(f);
	assert_false(check_with(f, NULL, &nobody));
	assert_true(f->check->errors.n >= 2);
	for (size_t i = 0; i < f->check->errors.n; i++)
		if (!str_starts(str_of(f->check->errors.items[i].where),
				STR("templates/t.json#/")))
			fail_msg("%s", f->check->errors.items[i].where);
}

static bool has_error(const struct fixture *f, const char *where)
{
	for (size_t i = 0; i < f->check->errors.n; i++)
		if (strcmp(f->check->errors.items[i].where, where) == 0)
			return true;
	return false;
}

static void senders_and_brand_are_the_tenant_s(void **state)
{
	struct fixture *f = *state;
	struct sender list[] = {{STR_INIT("@example.org"), STR_INIT("Acme Ltd")},
				{STR_INIT("Care@Example.com"), STR_INIT("Acme Ltd")}};
	struct tenant t = {.public_url = STR_INIT("https://m.example.org"),
			   .brand = STR_INIT("Acme"),
			   .senders = list,
			   .n_senders = 2,
			   .restrict_senders = true};
	builds(f);
	assert_true(check_with(f, &t, &nobody));
	t.n_senders = 1;
	assert_false(check_with(f, &t, &nobody));
	assert_true(has_error(f, "templates/t.json#/replyTo"));
	assert_int_equal(f->check->errors.n, 1);
	t.n_senders = 0;
	assert_false(check_with(f, &t, &nobody));
	assert_true(has_error(f, "templates/t.json#/from/address"));
	t.restrict_senders = false;
	assert_true(check_with(f, &t, &nobody));
	t.brand = STR("Other");
	t.public_url = STR("");
	assert_false(check_with(f, &t, &nobody));
	assert_true(has_error(f, "bundle.json#/campaign/label"));
	assert_true(has_error(f, "bundle.json#/campaign/legalClass"));
}

static void building_names_what_is_wrong_with_the_campaign(void **state)
{
	struct fixture *f = *state;
	struct bundle_source s = source(f);
	f->files[CAMPAIGN_FILE].text = STR("{\"id\":\"!\"}");
	assert_false(bundle_build(&s, &f->manifest, &f->errors));
	assert_string_equal(f->errors.items[0].where, "campaign.json#/id");
	f->files[CAMPAIGN_FILE].text = (struct str){NULL, 0};
	size_t before = f->errors.n;
	assert_false(bundle_build(&s, &f->manifest, &f->errors));
	assert_int_equal(f->errors.n, before + 1);
	assert_string_equal(f->errors.items[before].where, "campaign.json");
	assert_int_equal(f->errors.items[before].kind, ERROR_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_built_bundle_passes),
		T(the_campaign_learns_its_template_s_hash_and_variables),
		T(each_missing_file_is_named),
		T(another_byte_or_length_is_noticed),
		T(packed_recipients_are_read),
		T(two_files_of_recipients_are_one_too_many),
		T(bad_rows_are_rejected_with_their_line),
		T(what_cannot_be_read_fails_with_its_line),
		T(a_column_that_no_template_has_is_refused),
		T(without_profiles_a_missing_column_passes),
		T(the_profile_fills_what_a_row_lacks),
		T(a_variable_from_nowhere_makes_it_unusable),
		T(a_sink_can_stop_it),
		T(many_rows_come_in_batches_and_in_order),
		T(the_errors_of_a_template_name_its_file),
		T(senders_and_brand_are_the_tenant_s),
		T(building_names_what_is_wrong_with_the_campaign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
