/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the agents, of campaigns, the kill switch and why, while everything
 * fails in turn. */
#include "mim/test-calls.h"

static const struct call agents[] = {
	{"POST", "/dovecot/hello", "", "{\"user\":\"USER\",\"protocol\":\"imap\"}",
	 NULL, 200, 0, NULL},
	{"POST", "/dovecot/decisions", "",
	 "{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":"
	 "1,"
	 "\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[]}",
	 NULL, 200, 0, NULL},
	{"POST", "/dovecot/decisions", "",
	 "{\"node\":\"mail1\",\"user\":\"USER\",\"protocol\":\"imap\",\"uidValidity\":"
	 "1,"
	 "\"uidNext\":10,\"complete\":true,\"present\":[],\"events\":[{\"instance\":"
	 "\"INSTANCE\",\"type\":\"injected\",\"at\":\"2023-11-14T22:13:20Z\"}]}",
	 NULL, 200, 0, NULL},
	{"POST", "/dovecot/events", "",
	 "{\"events\":[{\"user\":\"USER\",\"instance\":\"INSTANCE\",\"type\":\"read\","
	 "\"at\":\"2023-11-14T22:13:20Z\"},{\"user\":\"USER\",\"instance\":"
	 "\"INSTANCE\",\"type\":\"gone\",\"cause\":\"expunged\",\"seen\":true,"
	 "\"at\":\"2023-11-14T22:13:20Z\"}]}",
	 NULL, 200, 0, NULL},
	{"GET", "/dovecot/templates/{sha256}", WORLD_TEMPLATE, NULL, NULL, 200, 0,
	 NULL},
	{"POST", "/dovecot/decisions", "", "{\"node\":1}", NULL, 400, 0, NULL},
};

static const struct call reads[] = {
	{"GET", "/campaigns", "", NULL, NULL, 200, 0, NULL},
	{"GET", "/campaigns", "", NULL, "limit=1", 200, 0, NULL},
	{"GET", CAMPAIGN, "c0", NULL, NULL, 200, 0, NULL},
	{"GET", CAMPAIGN, "none", NULL, NULL, 404, 0, NULL},
	{"GET", CAMPAIGN "/statistics", "c0", NULL, "interval=hour", 200, 0, NULL},
	{"GET", CAMPAIGN "/statistics", "c0", NULL, "interval=week", 400, 0, NULL},
	{"GET", "/users/{user}/why", "USER", NULL, NULL, 200, 0, NULL},
	{"GET", "/users/{user}/why", "nobody", NULL, NULL, 200, 404, NULL},
	{"GET", "/pause", "", NULL, NULL, 200, 0, NULL},
	{"GET", "/imports", "", NULL, NULL, 200, 0, NULL},
	{"GET", "/imports/{importId}", "none", NULL, NULL, 404, 0, NULL},
};

/* A resume stands behind its pause. */
static void set_back(struct server *s, const struct call *c)
{
	struct error err;
	for (size_t i = 0; i < 2; i++) {
		struct campaign campaign = world_campaign(s->w, i == 0 ? "c0" : "c1");
		world_activate(s->w, &campaign, 0);
	}
	assert_true(tenant_runtime_rebuild(s->t, &err));
	if (!str_ends(str_of(c->path), STR("/resume")))
		return;
	make(s, c - 1, "", NULL);
	assert_int_equal(s->status, 200);
}

static const struct call writes[] = {
	{"POST", CAMPAIGN "/pause", "c0", "{}", NULL, 200, 0, set_back},
	{"POST", CAMPAIGN "/resume", "c0", NULL, NULL, 200, 0, set_back},
	{"POST", CAMPAIGN "/recall", "c0", "{\"scope\":\"all\"}", NULL, 200, 0,
	 set_back},
	{"POST", CAMPAIGN "/versions/{version}/activate", "c1", NULL, NULL, 200, 0,
	 set_back},
	{"POST", "/pause", "", "{\"scope\":\"nonService\"}", NULL, 200, 0, set_back},
	{"POST", "/resume", "", NULL, NULL, 200, 0, set_back},
	{"POST", CAMPAIGN "/cancel", "c1", NULL, NULL, 200, 0, set_back},
};

/* Something to count. */
static void give(struct server *s)
{
	new_user(s, true);
}

static void without_memory_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(agents, NULL, ALLOCATION, ALLOCATION);
	TORTURE(reads, give, ALLOCATION, ALLOCATION);
	TORTURE(writes, NULL, ALLOCATION, ALLOCATION);
}

static void with_a_failing_store_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(agents, NULL, CALL, WRITE_AFTER);
	TORTURE(reads, give, CALL, CALL);
	TORTURE(writes, NULL, CALL, WRITE_AFTER);
}

static void on_a_failing_disk_a_call_is_answered_once(void **state)
{
	(void)state;
	TORTURE(agents, NULL, DISK_WRITE, DISK_FULL);
	TORTURE(writes, NULL, DISK_WRITE, DISK_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_a_call_is_answered_once),
		cmocka_unit_test(with_a_failing_store_a_call_is_answered_once),
		cmocka_unit_test(on_a_failing_disk_a_call_is_answered_once),
	};
	json_set_alloc_funcs(__wrap_malloc, free);
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
