/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the agent without memory, at every allocation in turn; the spool and the
 * cache on a disk that fails at every change of a file. */
#include "agent/compose.h"
#include "agent/requests.h"
#include "agent/settings.h"
#include "agent/spool.h"
#include "agent/template-disk.h"
#include "agent/tokens.h"
#include "agent/uplink.h"
#include "base/crypto.h"
#include "base/unit-disk.h"
#include "base/unit-folder.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <curl/curl.h>
#include <ev.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define H32 "0123456789abcdef0123456789abcdef"
#define H64 H32 H32

static char folder[64], token_file[96], spool_folder[96], cache_folder[96];
static struct ev_loop *loop;

/* Settings, tokens ----------------------------------------------------------------*/

static struct agent_settings *load(struct error *err)
{
	char token[160], spool[160], cache[160];
	snprintf(token, sizeof token, "inlay.tenant.default.token-file=%s", token_file);
	snprintf(spool, sizeof spool, "inlay.spool.directory=%s", spool_folder);
	snprintf(cache, sizeof cache, "inlay.cache.directory=%s", cache_folder);
	const char *const set[] = {
		token,
		spool,
		cache,
		"inlay.trusted-uids=0, 8",
		"inlay.user-map.1000=anna, bert",
		"inlay.mim.url=http://127.0.0.1:1/, http://127.0.0.1:2",
		"inlay.node=imap1.example.org"};
	struct error_list errors, warnings;
	error_list_init(&errors, 10);
	error_list_init(&warnings, 10);
	struct agent_settings *s = agent_settings_load(
		NULL, set, sizeof set / sizeof *set, &errors, &warnings);
	err->kind = s != NULL ? ERROR_NONE : ERROR_MEMORY;
	for (size_t i = 0; i < errors.n; i++) {
		*err = errors.items[i];
		if (err->kind == ERROR_MEMORY)
			break;
	}
	error_list_free(&errors);
	error_list_free(&warnings);
	return s;
}

static bool loads_settings(struct error *err)
{
	struct agent_settings *s = load(err);
	if (s != NULL) { /* all of them */
		assert_int_equal(s->n_trusted, 2);
		assert_int_equal(s->n_grants, 2);
		assert_int_equal(s->n_urls, 2);
		assert_str(s->urls[0], "http://127.0.0.1:1");
		assert_int_equal(s->n_tenants, 1);
		assert_str(s->spool_directory, spool_folder);
	}
	agent_settings_free(s);
	return s != NULL;
}

static bool reads_tokens(struct error *err)
{
	const struct agent_tenant_setting tenant = {STR("default"), str_of(token_file)};
	struct tokens *t = tokens_new(&tenant, 1, err);
	if (t != NULL)
		assert_string_equal(tokens_of(t, STR("default")), "secret");
	tokens_free(t);
	return t != NULL;
}

static bool makes_limits(struct error *err)
{
	const struct limits_config config = {100, 10, 60};
	struct limits *l = limits_new(&config);
	bool ok = l != NULL && limits_connect(l, 1000, false);
	if (ok)
		limits_disconnect(l, 1000);
	else
		err->kind = ERROR_MEMORY;
	limits_free(l);
	return ok;
}

static struct agent_settings *settings;
static struct tokens *tokens;

static bool makes_an_uplink(struct error *err)
{
	const struct uplink_limits limits = {.connections = 4, .timeout_ms = 1000};
	struct uplink *u = uplink_new(loop, settings, &limits, tokens, NULL, err);
	uplink_free(u);
	return u != NULL;
}

/* Spool, cache ---------------------------------------------------------------------*/

static void nothing_synced(void *ctx, uint64_t sequence, bool ok)
{
	(void)ctx, (void)sequence, (void)ok;
}

static size_t expected; /* events that the spool has to hold */

static struct spool *open_spool(struct error *err)
{
	const struct spool_config config = {.directory = spool_folder,
					    .max_bytes = SPOOL_MIN_SIZE * 64,
					    .loop = loop,
					    .synced = nothing_synced};
	return spool_open(&config, err);
}

/* What was in it is there again, and one more event, if it says so. */
static bool spools(struct error *err)
{
	struct spool_record r = {.type = 3, .time_ms = 1, .tenant = STR("default")};
	char user[32];
	struct spool *s = open_spool(err);
	if (s == NULL)
		return false;
	assert_int_equal(spool_count(s), expected);
	snprintf(user, sizeof user, "user%zu", expected);
	r.user = str_of(user);
	bool ok = spool_append(s, &r, err);
	expected += ok;
	assert_int_equal(spool_count(s), expected);
	spool_close(s);
	return ok;
}

/* What is known of three events that were given to the spool. */
struct given {
	uint64_t sequence[3]; /* 0: it was refused */
	uint64_t safe;        /* up to here they were said to be on the disk */
};

static void is_synced(void *ctx, uint64_t sequence, bool ok)
{
	struct given *g = ctx;
	if (ok)
		g->safe = sequence;
}

/* True if the fault has come. */
static bool gives(struct given *g, enum unit_disk_fault fault, long nth)
{
	struct error err;
	const struct spool_config config = {.directory = spool_folder,
					    .max_bytes = SPOOL_MIN_SIZE * 64,
					    .loop = loop,
					    .synced = is_synced,
					    .ctx = g};
	struct spool *s = spool_open(&config, &err);
	assert_non_null(s);
	unit_disk_fail(fault, nth);
	for (size_t i = 0; i < 3; i++) {
		char user[64];
		snprintf(user, sizeof user, "%d-%ld-%zu", (int)fault, nth, i);
		struct spool_record r = {.type = 3,
					 .time_ms = 1,
					 .tenant = STR("default"),
					 .user = str_of(user)};
		bool ok = spool_append(s, &r, &err);
		g->sequence[i] = ok ? r.sequence : 0;
		while (!spool_is_synced(s))
			ev_run(loop, EVRUN_ONCE);
	}
	spool_close(s);
	return !unit_disk_stop();
}

/* What was safe is there, and nothing that was refused. */
static void check_given(const struct given *g, enum unit_disk_fault fault, long nth)
{
	struct error err;
	struct spool *s = open_spool(&err);
	if (s == NULL)
		fail_msg("%s %ld: %s", unit_disk_fault_names[fault], nth, err.message);
	for (size_t i = 0; i < 3; i++) {
		char user[64];
		snprintf(user, sizeof user, "%d-%ld-%zu", (int)fault, nth, i);
		size_t n = spool_of_user(s, STR("default"), str_of(user), NULL, 0);
		if (n > 1 || (g->sequence[i] == 0 && n > 0) ||
		    (g->sequence[i] != 0 && g->sequence[i] <= g->safe && n == 0))
			fail_msg("%s %ld: event %zu, given as %d, is there %zu times",
				 unit_disk_fault_names[fault], nth, i,
				 (int)g->sequence[i], n);
	}
	spool_close(s);
}

static bool caches(struct error *err)
{
	char hex[TEMPLATE_SHA256_LEN + 1];
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct buf out;
	const struct str bytes = STR("a template");
	crypto_sha256(bytes, hash);
	crypto_hex(hex, hash, sizeof hash);
	buf_init(&out, 1000);
	struct template_disk *d = template_disk_open(cache_folder, 1 << 20, NULL, err);
	if (d == NULL)
		return false;
	template_disk_put(d, STR("default"), str_of(hex), bytes);
	bool ok = template_disk_get(d, STR("default"), str_of(hex), &out);
	if (ok)
		assert_str(buf_str(&out), "a template");
	else
		err->kind = ERROR_MEMORY;
	buf_free(&out);
	template_disk_close(d);
	return ok;
}

/* Requests, messages ---------------------------------------------------------------*/

static const char answer_text[] =
	"{\"known\":[{\"guid\":\"" H32 "\",\"instance\":\"" H32 "\"}],\"actions\":[{"
	"\"op\":\"inject\",\"campaign\":\"spring\",\"instance\":\"" H32
	"\",\"guid\":\"" H32 "\",\"proof\":\"" H64 "\",\"template\":\"" H64
	"\",\"variables\":{\"name\":\"A\\u00e4\",\"n\":1.5,\"b\":true},\"placement\":{"
	"\"position\":\"top\"},\"validFor\":\"PT30S\"},{\"op\":\"withdraw\",\"guid\":"
	"\"" H32 "\",\"cause\":\"recall\",\"lazy\":true}],\"nextCheck\":\"PT15M\"}";

static bool reads_an_answer(struct error *err)
{
	struct answer_open a;
	struct arena *arena = arena_new(1 << 20);
	bool ok = arena != NULL &&
		  requests_read_open(str_of(answer_text), arena, &a, err);
	if (ok) {
		assert_int_equal(a.n_known, 1);
		assert_int_equal(a.n_actions, 2);
		assert_int_equal(a.actions[0].variables.n, 3);
	} else if (arena == NULL || arena_failed(arena)) {
		err->kind = ERROR_MEMORY;
	}
	arena_free(arena);
	return ok;
}

static bool asks(struct error *err)
{
	static struct wire_open open = {
		.request = 1, .uid_validity = 17, .uid_next = 3, .complete = true};
	const struct requests_open q = {.node = STR("n1"),
					.user = STR("anna"),
					.protocol = STR("imap"),
					.open = &open};
	const struct wire_hello hello = {
		.tenant = STR("default"), .user = STR("anna"), .protocol = STR("imap")};
	struct buf b;
	buf_init(&b, REQUESTS_BODY_MAX);
	bool ok = requests_write_hello(&b, &hello);
	buf_clear(&b);
	ok = ok && requests_write_open(&b, &q);
	if (!ok)
		err->kind = ERROR_MEMORY;
	buf_free(&b);
	return ok;
}

static struct template *template;
static struct wire_frame frame;

static bool composes(struct error *err)
{
	static const struct compose_config config = {
		.user = STR_INIT("anna"),
		.address_domain = STR_INIT("example.org"),
		.message_id_domain = STR_INIT("id.example"),
		.node = STR_INIT("imap1.example.org")};
	static const struct mustache_pair name = {STR_INIT("name"),
						  {MUSTACHE_TEXT, STR_INIT("Anna")}};
	const struct answer_action action = {.op = ANSWER_INJECT,
					     .guid = STR(H32),
					     .instance = STR(H32),
					     .proof = STR(H64),
					     .variables = {&name, 1},
					     .valid_for = 30};
	struct template_parts parts;
	struct buf message, bytes;
	template_parts_init(&parts);
	buf_init(&message, MIME_MAX_MESSAGE);
	buf_init(&bytes, WIRE_FRAME_MAX + 4);
	bool ok = compose_inject(&config, 5, &action, template, INT64_C(1777622400000),
				 &parts, &message, &frame, err);
	if (ok && wire_frame_encode(&bytes, &frame) != WIRE_OK) {
		ok = false;
		err->kind = ERROR_MEMORY;
	}
	if (ok)
		assert_true(frame.inject.message.n > 100);
	template_parts_free(&parts);
	buf_free(&message);
	buf_free(&bytes);
	return ok;
}

/* ----------------------------------------------------------------------------------*/

static int set_up(void **state)
{
	(void)state;
	make_folder_of_own(folder, sizeof folder, "torture");
	snprintf(token_file, sizeof token_file, "%s/token", folder);
	snprintf(spool_folder, sizeof spool_folder, "%s/spool", folder);
	snprintf(cache_folder, sizeof cache_folder, "%s/cache", folder);
	assert_int_equal(mkdir(spool_folder, 0700), 0);
	assert_int_equal(mkdir(cache_folder, 0700), 0);
	write_file_at(token_file, STR("secret\n"));
	loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(loop);
	expected = 0;
	return 0;
}

/* All but the folder itself. */
static int remove_below(const char *path, const struct stat *st, int type,
			struct FTW *w)
{
	(void)st, (void)type;
	return w->level > 0 ? remove(path) : 0;
}

static int tear_down(void **state)
{
	(void)state;
	ev_loop_destroy(loop);
	remove_folder(folder);
	return 0;
}

static void it_starts_whole_or_not_at_all(void **state)
{
	(void)state;
	struct error err;
	unit_malloc_torture("settings", loads_settings);
	unit_malloc_torture("tokens", reads_tokens);
	unit_malloc_torture("limits", makes_limits);
	settings = load(&err);
	assert_non_null(settings);
	tokens = tokens_new(settings->tenants, settings->n_tenants, &err);
	assert_non_null(tokens);
	unit_malloc_torture("uplink", makes_an_uplink);
	tokens_free(tokens);
	agent_settings_free(settings);
}

static void no_event_is_lost_or_made_up(void **state)
{
	(void)state;
	unit_malloc_torture("spool", spools);
	unit_malloc_torture("spool again", spools);
}

static void on_a_failing_disk_no_safe_event_is_lost_or_refused_one_kept(void **state)
{
	(void)state;
	struct error err;
	spool_close(open_spool(&err)); /* the loop has all its descriptors now */
	for (enum unit_disk_fault fault = 0; fault < UNIT_DISK_FAULTS; fault++) {
		bool came = true;
		for (long nth = 1; came; nth++) {
			struct given g = {.safe = 0};
			size_t before = unit_descriptors();
			came = gives(&g, fault, nth);
			assert_true(came || g.safe >= g.sequence[2]);
			check_given(&g, fault, nth);
			assert_int_equal(unit_descriptors(), before);
			assert_true(nth < 100);
		}
	}
}

static void a_cached_template_is_whole_or_not_there(void **state)
{
	(void)state;
	unit_malloc_torture("cache", caches);
	unit_malloc_torture("cache again", caches);
}

static size_t n_files;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)path, (void)st, (void)w;
	n_files += type == FTW_F;
	return 0;
}

static void on_a_failing_disk_a_template_is_not_kept_and_leaves_nothing(void **state)
{
	(void)state;
	struct error err;
	unsigned n = 0;
	for (enum unit_disk_fault fault = 0; fault < UNIT_DISK_FAULTS; fault++) {
		bool came = true;
		for (long nth = 1; came; nth++) {
			size_t before = unit_descriptors();
			unit_disk_fail(fault, nth);
			bool ok = caches(&err);
			came = !unit_disk_stop();
			assert_true(ok || came);
			assert_true(caches(&err));
			assert_int_equal(unit_descriptors(), before);
			n_files = 0;
			nftw(cache_folder, count_one, 8, FTW_PHYS);
			assert_int_equal(n_files, 1);
			nftw(cache_folder, remove_below, 8, FTW_DEPTH | FTW_PHYS);
			n++;
		}
	}
	assert_true(n > UNIT_DISK_FAULTS);
}

static void an_answer_is_read_and_used_whole_or_not_at_all(void **state)
{
	(void)state;
	struct error_list errors;
	error_list_init(&errors, 1);
	template = template_parse(STR("{\"from\":{\"address\":\"a@b.example\"},"
				      "\"subject\":\"Hi {{name}}\","
				      "\"html\":\"<p>{{name}}</p>\"}"),
				  &errors);
	assert_non_null(template);
	unit_malloc_torture("requests", asks);
	unit_malloc_torture("answer", reads_an_answer);
	unit_malloc_torture("compose", composes);
	template_free(template);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_starts_whole_or_not_at_all),
		TEST(no_event_is_lost_or_made_up),
		TEST(on_a_failing_disk_no_safe_event_is_lost_or_refused_one_kept),
		TEST(a_cached_template_is_whole_or_not_there),
		TEST(on_a_failing_disk_a_template_is_not_kept_and_leaves_nothing),
		TEST(an_answer_is_read_and_used_whole_or_not_at_all),
	};
	mime_init();
	if (!crypto_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
