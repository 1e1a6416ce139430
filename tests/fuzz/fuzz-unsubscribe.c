/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of unsubscribe links: no foreign text opens; what was made reads back. */
#include "model/unsubscribe-token.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tenant_key key = {{7}};

static void make_and_read(struct arena *arena, struct str text)
{
	struct buf out;
	struct unsubscribe_token t;
	struct unsubscribe back, what = {text, STR("newsletter"), STR("spring")};
	buf_init(&out, UNSUBSCRIBE_TOKEN_MAX);
	if (unsubscribe_token_make(&key, STR("acme"), &what, &out) &&
	    (!unsubscribe_token_parse(buf_str(&out), arena, &t, NULL) ||
	     !unsubscribe_token_open(&t, &key, arena, &back, NULL) ||
	     !str_eq(back.user_key, text)))
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct unsubscribe_token t;
	struct unsubscribe what;
	struct arena *arena = arena_new(1 << 20);
	if (arena == NULL)
		return 0;
	if (unsubscribe_token_parse(text, arena, &t, NULL) &&
	    unsubscribe_token_open(&t, &key, arena, &what, NULL))
		abort(); /* nobody else has the key */
	make_and_read(arena, text);
	arena_free(arena);
	return 0;
}
