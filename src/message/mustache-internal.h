/* SPDX-License-Identifier: Apache-2.0 */
/* What the three parts of Mustache share: tokens (scan -> compile) and the
 * program (compile -> render). */
#ifndef INLAY_MESSAGE_MUSTACHE_INTERNAL_H
#define INLAY_MESSAGE_MUSTACHE_INTERNAL_H

#include "message/mustache.h"

enum mustache_token_kind {
	MUSTACHE_TOKEN_TEXT,     /* bytes [from, to) as they stand */
	MUSTACHE_TOKEN_VARIABLE, /* the others: [from, to) is the name */
	MUSTACHE_TOKEN_RAW,
	MUSTACHE_TOKEN_SECTION,
	MUSTACHE_TOKEN_INVERTED,
	MUSTACHE_TOKEN_END,
};

struct mustache_token {
	enum mustache_token_kind kind;
	uint32_t from, to;
	uint32_t at; /* of the tag's first byte, for messages */
};

struct mustache_tokens {
	struct mustache_token *items;
	size_t n, cap;
};

/* Cuts the source into tokens; comments, delimiters and the blanks of standalone
 * lines are gone, neighbouring text is one token. The caller frees `items`, also
 * after an error. */
bool mustache_scan(struct str source, struct mustache_tokens *out, struct error *err);

/* Sets err with "line L, column C" of the byte `at`. Always false. */
bool mustache_error_at(struct str source, size_t at, struct error *err,
		       enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

enum mustache_op {
	MUSTACHE_OP_TEXT,     /* write [from, to) of the source */
	MUSTACHE_OP_VARIABLE, /* write the value of `name`, escaped */
	MUSTACHE_OP_RAW,      /* write it as it is (HTML) */
	MUSTACHE_OP_SECTION,  /* unless it is true, go on behind `to` */
	MUSTACHE_OP_INVERTED, /* if it is true, go on behind `to` */
	MUSTACHE_OP_END,      /* of a section: its value is no longer {{.}} */
};

#define MUSTACHE_NAME_DOT UINT32_MAX /* {{.}} */

struct mustache_node {
	enum mustache_op op;
	uint32_t name;     /* index into names, or MUSTACHE_NAME_DOT */
	uint32_t from, to; /* TEXT: bytes of the source; sections: `to` is the
			      index of the END node */
};

struct mustache {
	enum mustache_escape escape;
	char *source;
	size_t source_n;
	struct mustache_node *nodes;
	size_t n_nodes;
	struct mustache_name *names;
	size_t n_names;
};

#endif
