/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens made and revoked while everything fails in turn: whom a token lets in is what
 * was answered, and what is stored. */
#include "mim/tokens.h"

#include "base/json-tree.h"
#include "mim/mim.h"
#include "mim/sync.h"
#include "mim/test-fault.h"

#include <stdlib.h>

/* Behind the first of them the room of the list is used up. */
#define TOKENS 16

struct place {
	char folder[64], file[96];
	struct store *inner, *store;
	struct mim mim;
};

static void start(struct place *p)
{
	struct error err;
	p->mim.tokens = tokens_open(&p->mim, p->file, &err);
	if (p->mim.tokens == NULL)
		fail_msg("%s", err.message);
}

static void restart(struct place *p)
{
	tokens_close(p->mim.tokens);
	start(p);
}

static bool make(struct place *p, char text[TOKEN_TEXT_MAX + 1], struct token *t)
{
	struct error err;
	*t = (struct token){.who = {.scope = TOKEN_MONITOR}};
	return tokens_make(p->mim.tokens, t, text, &err);
}

static void place_open(struct place *p, enum fault_kind kind)
{
	char text[TOKEN_TEXT_MAX + 1];
	struct token t;
	struct error err;
	make_folder_of_own(p->folder, sizeof p->folder, "tokens");
	snprintf(p->file, sizeof p->file, "%s/token", p->folder);
	const struct store_options inner = fault_options(kind, p->folder);
	assert_true(store_open(&inner, &p->inner, &err));
	const struct store_options faulty = {.backend = "faulty", .inner = p->inner};
	assert_true(store_open(&faulty, &p->store, &err));
	p->mim = (struct mim){.store = p->store};
	assert_true(store_db_create(p->store, STR(""), STR(""), &p->mim.system, &err));
	start(p);
	for (int i = 1; i < TOKENS; i++) /* the first start has made one */
		assert_true(make(p, text, &t));
}

static void place_close(struct place *p)
{
	tokens_close(p->mim.tokens);
	store_db_close(p->mim.system);
	store_close(p->store);
	store_close(p->inner);
	remove_folder(p->folder);
}

static bool lets_in(struct place *p, const char *text)
{
	char header[TOKEN_TEXT_MAX + 16];
	struct identity who;
	snprintf(header, sizeof header, "Bearer %s", text);
	return tokens_check(p->mim.tokens, str_of(header), &who);
}

static size_t count_known(struct place *p)
{
	struct token all[TOKENS + 4];
	return tokens_list(p->mim.tokens, STR(""), TOKENS + 4, all);
}

/* True if the fault came. */
static bool making_fails(const struct fault *f)
{
	struct place p;
	struct token t;
	char text[TOKEN_TEXT_MAX + 1];
	place_open(&p, f->kind);
	fault_arm(f, p.store);
	bool ok = make(&p, text, &t);
	bool came = fault_disarm(f, p.store);
	assert_true(ok || came);
	assert_int_equal(count_known(&p), TOKENS + (ok ? 1 : 0));
	assert_true(!ok || lets_in(&p, text));
	restart(&p);
	/* of other writes nobody knows the outcome */
	if (ok || f->kind <= FAULT_WRITE_BEFORE)
		assert_int_equal(count_known(&p), TOKENS + (ok ? 1 : 0));
	assert_true(!ok || lets_in(&p, text));
	assert_true(make(&p, text, &t));
	assert_true(lets_in(&p, text));
	place_close(&p);
	return came;
}

static bool revoking_fails(const struct fault *f)
{
	struct place p;
	struct token t;
	struct error err;
	char text[TOKEN_TEXT_MAX + 1];
	place_open(&p, f->kind);
	assert_true(make(&p, text, &t));
	assert_true(lets_in(&p, text));
	fault_arm(f, p.store);
	bool ok = tokens_revoke(p.mim.tokens, str_of(t.who.id), &err);
	bool came = fault_disarm(f, p.store);
	assert_true(ok || came);
	/* who was told that it failed tries again */
	assert_true(ok || tokens_revoke(p.mim.tokens, str_of(t.who.id), &err));
	assert_false(lets_in(&p, text));
	restart(&p);
	assert_false(lets_in(&p, text));
	assert_int_equal(count_known(&p), TOKENS);
	place_close(&p);
	return came;
}

static void torture(bool (*fails)(const struct fault *f))
{
	for (struct fault f = {.kind = 0}; f.kind < FAULT_KINDS; f.kind++) {
		size_t before = unit_descriptors();
		for (f.nth = 1; fails(&f); f.nth++)
			assert_int_equal(unit_descriptors(), before);
		assert_true(f.nth > 1 || f.kind == FAULT_DISK_NAME);
	}
}

static void a_token_that_could_not_be_made_lets_nobody_in(void **state)
{
	(void)state;
	torture(making_fails);
}

static void one_that_was_revoked_lets_nobody_in(void **state)
{
	(void)state;
	torture(revoking_fails);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_that_could_not_be_made_lets_nobody_in),
		cmocka_unit_test(one_that_was_revoked_lets_nobody_in),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
