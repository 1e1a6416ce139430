/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as MIM's answers to HELLO and OPEN, and to who waits for recalls, and as
 * doveadm's. What is accepted must make frames that can be sent. */
#include "agent/compose.h"
#include "agent/doveadm.h"
#include "base/crypto.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wire_frame frame;
static struct template *template;
static struct template_parts parts;
static struct buf message, out;

static void prepare(void)
{
	struct error_list errors;
	if (template != NULL)
		return;
	if (!crypto_init())
		abort();
	mime_init();
	error_list_init(&errors, 1);
	template = template_parse(
		STR("{\"from\":{\"address\":\"a@b.example\"},\"subject\":\"{{name}}\","
		    "\"html\":\"<a href='{{link}}'>{{name}}</a>\","
		    "\"defaults\":{\"name\":\"n\",\"link\":\"https://x.example\"}}"),
		&errors);
	error_list_free(&errors);
	template_parts_init(&parts);
	buf_init(&message, MIME_MAX_MESSAGE);
	buf_init(&out, 2 * WIRE_FRAME_MAX);
}

static void send_frame(void)
{
	buf_clear(&out);
	if (wire_frame_encode(&out, &frame) != WIRE_OK)
		abort();
}

static void use_action(const struct answer_action *a)
{
	static const struct compose_config config = {
		.user = STR_INIT("anna@example.org"),
		.message_id_domain = STR_INIT("example.org"),
		.node = STR_INIT("imap1.example.org")};
	if (a->op == ANSWER_WITHDRAW) {
		compose_withdraw(&a->withdraw, &frame);
		send_frame();
	} else if (compose_inject(&config, 1, a, template, 0, &parts, &message, &frame,
				  NULL)) {
		send_frame();
	}
}

/* The next question is one line of HTTP, whatever the cursor is. */
static void use_recalls(const struct answer_recalls *a)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._~%?=&";
	struct buf path;
	buf_init(&path, REQUESTS_RECALLS_PATH_MAX);
	if (!requests_recalls_path(&path, a->cursor, 20) ||
	    strspn(buf_cstr(&path), plain) != path.n ||
	    !str_ends(buf_str(&path), STR("&wait=20")))
		abort();
	buf_free(&path);
	for (size_t i = 0; i < a->n_users; i++)
		if (!requests_recalls_concern(a, a->users[i]))
			abort();
	if (requests_recalls_concern(a, (struct str){0}) !=
	    (a->reset || a->all || a->n_users > 0))
		abort();
}

static void use_withdrawals(const struct answer_withdrawals *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (requests_withdrawals_of(a, a->users[i].user) == NULL)
			abort();
		for (size_t k = 0; k < a->users[i].n; k++) {
			compose_withdraw(&a->users[i].withdraw[k], &frame);
			send_frame();
		}
	}
}

static void use_pushed(struct str json, struct arena *arena)
{
	size_t n_failed = 0;
	struct answer_recalls recalls;
	struct answer_withdrawals withdrawals;
	struct error err = {0};
	if (requests_read_recalls(json, arena, &recalls, &err))
		use_recalls(&recalls);
	else if (err.kind == ERROR_NONE)
		abort();
	err = (struct error){0};
	if (!doveadm_read(json, arena, &n_failed, &err) && err.kind == ERROR_NONE)
		abort();
	if (n_failed > json.n)
		abort();
	err = (struct error){0};
	if (requests_read_withdrawals(json, 4, arena, &withdrawals, &err))
		use_withdrawals(&withdrawals);
	else if (err.kind == ERROR_NONE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str json = {(const char *)data, size};
	struct arena *arena = arena_new(8 * 1024 * 1024);
	struct answer_hello hello;
	struct answer_open open;
	struct error err = {0};
	prepare();
	if (requests_read_hello(json, arena, &hello, &err) &&
	    hello.next_check > REQUESTS_NEXT_CHECK_MAX)
		abort();
	if (requests_read_open(json, arena, &open, &err)) {
		for (size_t i = 0; i < open.n_actions; i++)
			use_action(&open.actions[i]);
	} else if (err.kind == ERROR_NONE) {
		abort();
	}
	use_pushed(json, arena);
	arena_free(arena);
	return 0;
}
