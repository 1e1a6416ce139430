/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of the middleware, and what its problem documents (RFC 9457) mean to a
 * person: errors with a kind, and a sentence that says what to do. Pure. */
#ifndef INLAY_CLI_REPLY_H
#define INLAY_CLI_REPLY_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>

#define REPLY_MAX_BYTES (64u << 20)

struct reply {
	long status;
	struct buf body;
	char type[64]; /* media type without parameters, lower case */
	json_t *json;  /* NULL if the body is not JSON */
};

void reply_init(struct reply *r);
void reply_free(struct reply *r);

/* Turns an answer other than 2xx into at least one error; where: the URL that was
 * asked, token_file: where the token came from (for 401 and 403). */
void reply_errors(const struct reply *r, const char *where, const char *token_file,
		  struct error_list *errors);
/* The errors of a problem document that stands inside another (an import's). */
void reply_problem(const json_t *problem, struct error_list *errors);

/* Text of a member, absent if it is not there or no text. Valid as long as the JSON. */
struct str reply_text(const json_t *object, const char *key);

#endif
