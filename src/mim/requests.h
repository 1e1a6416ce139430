/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that agents send (contracts.md §3), read strictly and in one pass: a field
 * that is unknown, missing, there twice or of another kind is an error that names it by
 * its JSON pointer. Pure; text borrows from the JSON and the arena. */
#ifndef INLAY_MIM_REQUESTS_H
#define INLAY_MIM_REQUESTS_H

#include "base/arena.h"
#include "base/error.h"
#include "decision/decide.h"

#define REQUESTS_USER_MAX 1024
#define REQUESTS_NODE_MAX 255
#define REQUESTS_PROOF_MAX 1024
#define REQUESTS_PRESENT_MAX 512
#define REQUESTS_EVENTS_MAX 1000

struct hello_request {
	struct str user; /* Dovecot's user name, as it is */
	bool pop3;
};
bool hello_request_parse(struct str json, struct arena *a, struct hello_request *out,
			 struct error *err);

struct user_event {
	struct str user; /* absent in a decision: it is the decision's user */
	struct instance_event event;
};

struct decision_request {
	struct str user;
	struct mailbox_view mailbox;
	const struct user_event *events;
	size_t n_events;
	bool early; /* the answer may come but for its last byte before it is durable */
};
/* An event that names another user is an error. */
bool decision_request_parse(struct str json, struct arena *a,
			    struct decision_request *out, struct error *err);

struct events_request {
	const struct user_event *events;
	size_t n;
};
bool events_request_parse(struct str json, struct arena *a, struct events_request *out,
			  struct error *err);

#define REQUESTS_USERS_MAX 1000
struct withdrawals_request {
	const struct str *users; /* Dovecot's names of them */
	size_t n;
};
bool withdrawals_request_parse(struct str json, struct arena *a,
			       struct withdrawals_request *out, struct error *err);

#endif
