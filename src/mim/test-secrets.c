/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/secrets.h"

#include "mim/mim.h"
#include "mim/sync.h"
#include "mim/test-fault.h"
#include "mim/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct store *store;
	struct store_db *system;
	char folder[64], path[96];
	struct buf out;
};

static const struct master_key key = {{1, 2, 3}, "0123456789abcdef"};
static const struct secret_place place = {STR_INIT("acme"), "dataSources",
					  STR_INIT("default"), "secretKey"};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const struct store_options options = {.backend = "memory"};
	struct error err;
	if (f == NULL || !crypto_init())
		return 1;
	snprintf(f->folder, sizeof f->folder, "/tmp/inlay-secrets-XXXXXX");
	if (mkdtemp(f->folder) == NULL || !store_open(&options, &f->store, &err) ||
	    !store_db_create(f->store, STR(""), STR(""), &f->system, &err))
		return 1;
	snprintf(f->path, sizeof f->path, "%s/master.key", f->folder);
	buf_init(&f->out, 4096);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	store_db_close(f->system);
	store_close(f->store);
	unlink(f->path);
	rmdir(f->folder);
	buf_free(&f->out);
	free(f);
	return 0;
}

static struct str seal(struct fixture *f, const char *plain)
{
	buf_clear(&f->out);
	assert_true(secret_seal(&key, &place, str_of(plain), &f->out));
	return buf_str(&f->out);
}

static bool opens(struct str sealed, const struct master_key *k,
		  const struct secret_place *p, const char *want)
{
	struct buf plain;
	struct error err;
	buf_init(&plain, 4096);
	bool ok = secret_open(k, p, sealed, &plain, &err);
	if (ok)
		assert_str(buf_str(&plain), want);
	else
		assert_int_equal(err.kind, ERROR_CORRUPT);
	buf_free(&plain);
	return ok;
}

static void a_sealed_secret_opens_where_it_belongs_only(void **state)
{
	struct str sealed = seal(*state, "s3cret");
	struct secret_place other = place;
	assert_true(opens(sealed, &key, &place, "s3cret"));
	other.tenant = STR("acmf");
	assert_false(opens(sealed, &key, &other, ""));
	other = place;
	other.list = "conversionPoints";
	assert_false(opens(sealed, &key, &other, ""));
	other = place;
	other.id = STR("second");
	assert_false(opens(sealed, &key, &other, ""));
	other = place;
	other.field = "secret";
	assert_false(opens(sealed, &key, &other, ""));
}

static void another_key_or_a_changed_text_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct str sealed = seal(f, "s3cret");
	struct master_key other = key;
	other.key[0] ^= 1;
	assert_false(opens(sealed, &other, &place, ""));
	for (size_t i = 0; i < sealed.n; i++) {
		char was = f->out.p[i];
		f->out.p[i] = was == 'x' ? 'y' : 'x';
		assert_false(opens(buf_str(&f->out), &key, &place, ""));
		f->out.p[i] = was;
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_false(opens(str_slice(sealed, 0, n), &key, &place, ""));
}

static struct str sealed_before;

static bool opens_it(struct error *err)
{
	struct buf plain;
	buf_init(&plain, 4096);
	bool ok = secret_open(&key, &place, sealed_before, &plain, err);
	buf_free(&plain);
	return ok;
}

static void a_lack_of_memory_is_not_taken_for_damage(void **state)
{
	sealed_before = seal(*state, "s3cret");
	unit_malloc_torture("secret_open", opens_it);
}

static void the_plain_text_does_not_show(void **state)
{
	struct str sealed = seal(*state, "needle-needle");
	assert_null(memmem(sealed.p, sealed.n, "needle", 6));
}

static void a_key_is_made_once_for_an_empty_store(void **state)
{
	struct fixture *f = *state;
	struct master_key first, again;
	struct error err;
	struct stat st;
	assert_true(master_key_open(f->path, f->system, &first, &err));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(master_key_open(f->path, f->system, &again, &err));
	assert_memory_equal(first.key, again.key, sizeof first.key);
	assert_string_equal(first.id, again.id);
}

static void a_store_with_tokens_but_no_key_gets_none(void **state)
{
	struct fixture *f = *state;
	struct master_key k;
	struct error err;
	assert_true(sync_document_put(f->system, STORE_TOKEN, STR("x"), STR("{}"),
				      STORE_ABSENT, NULL, &err));
	assert_false(master_key_open(f->path, f->system, &k, &err));
	assert_int_equal(error_kind_info(err.kind)->exit_code, 2);
	assert_string_equal(err.where, f->path);
	assert_int_not_equal(access(f->path, F_OK), 0);
}

static void a_tenant_key_is_made_once_and_kept_sealed(void **state)
{
	struct fixture *f = *state;
	struct tenant_key first, again;
	struct store_document doc;
	struct error err;
	struct arena *arena = arena_new(1 << 16);
	assert_true(tenant_key_open(&key, f->system, STR("acme"), &first, &err));
	assert_true(tenant_key_open(&key, f->system, STR("acme"), &again, &err));
	assert_memory_equal(first.b, again.b, sizeof first.b);
	assert_true(sync_document_get(f->system, STORE_SETTING, STR("tenant-key"),
				      arena, &doc, &err));
	assert_null(memmem(doc.body.p, doc.body.n, first.b, sizeof first.b));
	/* a database that was given to another tenant does not give its key */
	assert_false(tenant_key_open(&key, f->system, STR("other"), &again, &err));
	arena_free(arena);
}

/* The first start ------------------------------------------------------------------*/

/* The system's database, the key, the first token. */
static bool starts(struct mim *mim, struct master_key *k, const char *folder,
		   struct error *err)
{
	char path[96], token[96];
	snprintf(path, sizeof path, "%s/master.key", folder);
	snprintf(token, sizeof token, "%s/token", folder);
	if (!store_db_create(mim->store, STR(""), STR(""), &mim->system, err))
		return false;
	if (master_key_open(path, mim->system, k, err))
		mim->tokens = tokens_open(mim, token, err);
	return mim->tokens != NULL;
}

static void ends(struct mim *mim)
{
	tokens_close(mim->tokens);
	store_db_close(mim->system);
	mim->tokens = NULL;
	mim->system = NULL;
}

/* What the file says lets in. */
static void check_token(const struct mim *mim, const char *folder)
{
	char path[96], line[TOKEN_TEXT_MAX + 16] = "Bearer ";
	struct identity who;
	snprintf(path, sizeof path, "%s/token", folder);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line + 7, sizeof line - 7, f));
	fclose(f);
	assert_true(tokens_check(mim->tokens, str_of(line), &who));
	assert_int_equal(who.scope, TOKEN_ADMIN);
}

/* True if the fault has come; then the next start makes all good. */
static bool first_start(const struct fault *f)
{
	char folder[64];
	struct store *inner;
	struct mim mim = {0};
	struct master_key first, again;
	struct error err;
	make_folder_of_own(folder, sizeof folder, "first-start");
	const struct store_options o = fault_options(f->kind, folder);
	assert_true(store_open(&o, &inner, &err));
	const struct store_options faulty = {.backend = "faulty", .inner = inner};
	assert_true(store_open(&faulty, &mim.store, &err));
	fault_arm(f, mim.store);
	bool ok = starts(&mim, &first, folder, &err);
	bool came = fault_disarm(f, mim.store);
	if (!ok && !came)
		fail_msg("behind %s: %s", fault_text(f), err.message);
	ends(&mim);
	if (!starts(&mim, &again, folder, &err))
		fail_msg("after %s: %s", fault_text(f), err.message);
	if (ok)
		assert_memory_equal(first.key, again.key, sizeof first.key);
	check_token(&mim, folder);
	ends(&mim);
	store_close(mim.store);
	store_close(inner);
	remove_folder(folder);
	return came;
}

static void a_first_start_that_failed_is_made_good_by_the_next(void **state)
{
	size_t before = unit_descriptors();
	(void)state;
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		f.nth = 1;
		while (first_start(&f))
			f.nth++;
		assert_true(f.nth > 1);
	}
	assert_int_equal(unit_descriptors(), before);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_sealed_secret_opens_where_it_belongs_only),
		T(another_key_or_a_changed_text_does_not_open),
		T(a_lack_of_memory_is_not_taken_for_damage),
		T(the_plain_text_does_not_show),
		T(a_key_is_made_once_for_an_empty_store),
		T(a_store_with_tokens_but_no_key_gets_none),
		T(a_tenant_key_is_made_once_and_kept_sealed),
		T(a_first_start_that_failed_is_made_good_by_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
