/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/compose.h"

#include "base/crypto.h"
#include "base/unit.h"

#include <stdlib.h>

#define H32 "0123456789abcdef0123456789abcdef"

struct fixture {
	struct template *template;
	struct template_parts parts;
	struct buf message;
	struct wire_frame frame;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct error_list errors;
	error_list_init(&errors, 1);
	f->template = template_parse(STR("{\"from\":{\"address\":\"a@b.example\"},"
					 "\"subject\":\"Hi {{name}}\","
					 "\"html\":\"<p>{{name}}</p>\"}"),
				     &errors);
	error_list_free(&errors);
	template_parts_init(&f->parts);
	buf_init(&f->message, MIME_MAX_MESSAGE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	template_free(f->template);
	template_parts_free(&f->parts);
	buf_free(&f->message);
	free(f);
	return 0;
}

static const struct compose_config config = {.user = STR_INIT("anna"),
					     .address_domain = STR_INIT("example.org"),
					     .message_id_domain =
						     STR_INIT("id.example"),
					     .node = STR_INIT("not a host")};

static const struct mustache_pair name = {STR_INIT("name"),
					  {MUSTACHE_TEXT, STR_INIT("Anna")}};

static struct answer_action action(void)
{
	return (struct answer_action){.op = ANSWER_INJECT,
				      .guid = STR(H32),
				      .instance = STR(H32),
				      .proof = STR(H32 H32),
				      .variables = {&name, 1},
				      .position = WIRE_POSITION_RANK,
				      .rank = 3,
				      .valid_for = 30};
}

static bool compose(struct fixture *f, const struct compose_config *c,
		    const struct answer_action *a)
{
	return compose_inject(c, 5, a, f->template, INT64_C(1777622400000), &f->parts,
			      &f->message, &f->frame, &f->err);
}

static void makes_a_frame_that_can_be_sent(void **state)
{
	struct fixture *f = *state;
	struct answer_action a = action();
	struct buf out;
	if (!compose(f, &config, &a))
		fail_msg("%s: %s", f->err.where, f->err.message);
	assert_int_equal(f->frame.type, WIRE_INJECT);
	assert_int_equal(f->frame.inject.request, 5);
	assert_int_equal(f->frame.inject.rank, 3);
	assert_int_equal(f->frame.inject.date_offset_count, 2);
	for (size_t i = 0; i < 2; i++) {
		size_t at = f->frame.inject.date_offset[i];
		assert_str(str_slice(f->frame.inject.message, at, at + WIRE_DATE_WIDTH),
			   "Fri, 01 May 2026 08:00:00 +0000");
	}
	buf_init(&out, 2 * WIRE_FRAME_MAX);
	assert_int_equal(wire_frame_encode(&out, &f->frame), WIRE_OK);
	buf_free(&out);
	assert_non_null(strstr(buf_cstr(&f->message), "\r\nTo: anna@example.org\r\n"));
	/* a node that is no host name is not written down */
	assert_non_null(strstr(buf_cstr(&f->message), "Received: by id.example with"));
}

static void a_reinjection_names_what_it_replaces(void **state)
{
	struct fixture *f = *state;
	struct answer_action a = action();
	a.op = ANSWER_REINJECT;
	a.replaces = STR("fedcba9876543210fedcba9876543210");
	assert_true(compose(f, &config, &a));
	assert_int_equal(f->frame.type, WIRE_REINJECT);
	assert_str(f->frame.inject.replaces, "fedcba9876543210fedcba9876543210");
	a.op = ANSWER_INJECT;
	assert_true(compose(f, &config, &a));
	assert_null(f->frame.inject.replaces.p);
}

static void a_user_without_an_address_gets_no_message(void **state)
{
	struct fixture *f = *state;
	struct answer_action a = action();
	struct compose_config c = config;
	c.address_domain = (struct str){0};
	assert_false(compose(f, &c, &a));
	assert_int_equal(f->err.kind, ERROR_BAD_VALUE);
}

static void a_missing_variable_makes_no_message(void **state)
{
	struct fixture *f = *state;
	struct answer_action a = action();
	a.variables = (struct mustache_table){NULL, 0};
	assert_false(compose(f, &config, &a));
	assert_string_equal(f->err.where, "/subject");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(makes_a_frame_that_can_be_sent),
		TEST(a_reinjection_names_what_it_replaces),
		TEST(a_user_without_an_address_gets_no_message),
		TEST(a_missing_variable_makes_no_message),
	};
	mime_init();
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
