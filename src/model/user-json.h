/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a user (contracts: the MDB row): what a caller wants changed, and what is
 * shown. Pure. */
#ifndef INLAY_MODEL_USER_JSON_H
#define INLAY_MODEL_USER_JSON_H

#include "base/json.h"
#include "model/user-merge.h"
#include "model/user-schema.h"

#include <jansson.h>

enum user_form {
	USER_PUT,   /* what is absent is taken away */
	USER_PATCH, /* what is absent stays; null takes away (RFC 7396) */
};

struct user_rules {
	const struct user_schema *schema;
	bool hashed;       /* of a tenant with hashedEmailAddresses */
	int64_t latest_ms; /* no consent or opt-out may be later */
};

/* Reads a body. *name is its "user" as it was given (USER_PUT; absent in a patch). All
 * errors are collected with pointers. Text goes to the arena. */
bool user_parse(json_t *doc, enum user_form form, const struct user_rules *rules,
		struct arena *arena, struct str *name, struct user_change *out,
		struct error_list *errors);

void user_print(struct json_writer *w, const struct user_profile *p,
		const struct user_schema *schema);
/* As in an export. */
void user_print_assignment(struct json_writer *w, const struct assignment *a,
			   int64_t now_ms);

#endif
