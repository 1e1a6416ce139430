/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of users.csv (contracts: users/import): what each column means, and what a row
 * changes about its user. Pure.
 *
 * Columns: user (the first), userId, email, alias, attr.<name>, consent.<purpose>,
 * optOut. An empty cell says nothing. A consent is a time, or revoked:<time>; optOut
 * a time: of every non-service message. */
#ifndef INLAY_MODEL_USERS_CSV_H
#define INLAY_MODEL_USERS_CSV_H

#include "model/user-merge.h"
#include "model/user-schema.h"

#define USERS_CSV_COLUMNS_MAX 400

struct users_csv_rules {
	const struct user_schema *schema;
	bool hashed;       /* of a tenant with hashedEmailAddresses: no email */
	int64_t latest_ms; /* of consents and opt-outs: the import's own time */
	struct str source; /* kept with each consent and opt-out */
};

enum users_csv_kind {
	USERS_CSV_USER_ID,
	USERS_CSV_EMAIL,
	USERS_CSV_ALIAS,
	USERS_CSV_ATTRIBUTE,
	USERS_CSV_CONSENT,
	USERS_CSV_OPT_OUT,
};

struct users_csv_column {
	enum users_csv_kind kind;
	struct str name; /* of the attribute or purpose */
};

struct users_csv {
	struct users_csv_rules rules;
	const struct users_csv_column *columns; /* behind `user` */
	size_t n_columns;
};

/* names: the header without `user`, borrowed as long as *out is used. An unknown
 * column, an undeclared attribute or purpose: all of them in errors. */
bool users_csv_columns(const struct str *names, size_t n,
		       const struct users_csv_rules *rules, struct arena *arena,
		       struct users_csv *out, struct error_list *errors);
/* values: one per column, borrowed as long as *change is used. False with the first
 * thing that is wrong with the row. */
bool users_csv_row(const struct users_csv *csv, const struct str *values,
		   struct arena *arena, struct user_change *change, struct error *err);

#endif
