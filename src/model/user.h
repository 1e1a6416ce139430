/* SPDX-License-Identifier: Apache-2.0 */
/* A user of a tenant: the MDB row (contracts.md §2 users) and what one partition
 * of the store holds of them: profile, recipient rows, assignments. */
#ifndef INLAY_MODEL_USER_H
#define INLAY_MODEL_USER_H

#include "base/arena.h"
#include "base/error.h"
#include "model/assignment.h"

#define USER_MAX_IDENTITIES 32
#define USER_MAX_ATTRIBUTES 64
#define USER_MAX_CONSENTS 256 /* see user_consent_add */
#define USER_MAX_ASSIGNMENTS 500
#define USER_MAX_PARTITION (100 * 1024)

/* Consents and opt-outs are an append-only list (decision.md "Consent and law"):
 * the newest `at` wins, an opt-out wins a tie, an opt-out is lifted only by a later
 * consent. A consent of a purpose and an opt-out of that purpose, or of all. */
struct consent {
	struct str purpose;
	bool granted; /* false: revoked */
	int64_t at_ms;
	struct str source, wording;
};
struct opt_out {
	struct str purpose; /* absent: every non-service message */
	int64_t at_ms;
	struct str source;
};

struct attribute {
	struct str name;
	struct str value; /* as text; its type is in the tenant's schema */
};

struct user_profile {
	struct str user;    /* the user key: lower-cased name, or 64 hex */
	struct str user_id; /* absent if not set */
	struct str email;
	const struct str *aliases;
	size_t n_aliases;
	const struct attribute *attributes; /* sorted by name */
	size_t n_attributes;
	const struct consent *consents;
	size_t n_consents;
	const struct opt_out *opt_outs;
	size_t n_opt_outs;
};

/* A row of recipients.csv for this user, of one load. Column names are in the
 * load's document, once for all rows. */
struct recipient_row {
	uint64_t load;
	const struct str *values; /* one per column of the load */
	size_t n_values;
};

/* One partition, as a decision reads it. */
struct user_record {
	uint64_t revision; /* 0: nothing was ever committed for this user */
	bool known;        /* there is a profile */
	struct user_profile profile;
	const struct assignment *assignments; /* by assigned_ms, then instance */
	size_t n_assignments;
	const struct recipient_row *rows;
	size_t n_rows;
};

/* Is there a valid consent for the purpose at `now`, and which one decides?
 * *by is the deciding consent or NULL. */
bool user_has_consent(const struct user_profile *p, struct str purpose, int64_t now_ms,
		      const struct consent **by);
/* Is the user opted out of the purpose (or of all)? *by as above. */
bool user_is_opted_out(const struct user_profile *p, struct str purpose, int64_t now_ms,
		       const struct opt_out **by);
const struct attribute *user_attribute(const struct user_profile *p, struct str name);
/* Appends to the list, copied in `a` (the text is borrowed). What is there already is
 * not added twice; over USER_MAX_CONSENTS the oldest entry that decides nothing any
 * more goes. False without memory, or when every one of the entries still decides. */
bool user_consent_add(struct arena *a, struct user_profile *p, const struct consent *c);
bool user_opt_out_add(struct arena *a, struct user_profile *p, const struct opt_out *o);

#endif
