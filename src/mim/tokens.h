/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens: 256 random bits as base64url behind "inlay_", kept as SHA-256 only.
 * All are held in memory, for every request asks; changes are written to the system
 * database first. */
#ifndef INLAY_MIM_TOKENS_H
#define INLAY_MIM_TOKENS_H

#include "base/crypto.h"
#include "store/store.h"

struct mim;
struct tokens;

/* X(NAME, text, names a tenant) */
#define TOKEN_SCOPES(X)                                                                \
	X(ADMIN, "admin", false)                                                       \
	X(MONITOR, "monitor", false) /* health and metrics, for a monitoring system */ \
	X(TENANT, "tenant", true)                                                      \
	X(READ, "read", true)                                                          \
	X(DOVECOT, "dovecot", true)
enum token_scope {
#define X(name, text, tenant) TOKEN_##name,
	TOKEN_SCOPES(X)
#undef X
};

/* Whose token a request bore. */
struct identity {
	enum token_scope scope;
	char tenant[65]; /* "" for scopes without one */
	bool service;    /* the right to publish service messages */
	char id[17];     /* first 16 hex digits of the SHA-256: names it in the log */
};

/* "tenant:default" and the like; sets scope and tenant. */
#define TOKEN_SCOPE_MAX 80
bool token_scope_parse(struct str text, struct identity *out);
void token_scope_text(const struct identity *who, char out[TOKEN_SCOPE_MAX]);

#define TOKEN_TEXT_MAX 64
struct token {
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct identity who;
	char name[257];
	int64_t created_ms;
};
/* As it is stored, and as a caller asks for one. */
struct token_document {
	struct str scope, name;
	bool service;
	int64_t created_ms;
};

/* Reads all tokens. The very first start (none stored) makes one admin token and
 * writes it to `first_file` (made anew, 0600). Blocks. */
struct tokens *tokens_open(struct mim *mim, const char *first_file, struct error *err);
void tokens_close(struct tokens *t); /* NULL is fine */
/* The value of the Authorization header. False: no such token. */
bool tokens_check(struct tokens *t, struct str authorization, struct identity *who);
/* Those whose id is greater than `after`, at most limit; returns how many. */
size_t tokens_list(struct tokens *t, struct str after, size_t limit, struct token *out);
/* *item has scope, tenant, service, name, created_ms; the rest and the text are made.
 * The text is known nowhere else afterwards. Blocks. */
bool tokens_make(struct tokens *t, struct token *item, char text[TOKEN_TEXT_MAX + 1],
		 struct error *err);
/* NOT_FOUND; CONFLICT for the last admin token. Blocks. */
bool tokens_revoke(struct tokens *t, struct str id, struct error *err);

#endif
