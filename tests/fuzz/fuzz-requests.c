/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of agents: whatever is accepted obeys its limits; whatever is refused says
 * where and why. The first byte chooses the kind of request. */
#include "mim/requests.h"

#include <stdlib.h>

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_events(const struct user_event *events, size_t n)
{
	must(n <= REQUESTS_EVENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		must(wire_event_name(events[i].event.type) != NULL);
		must(events[i].event.cause == WIRE_CAUSE_NONE ||
		     wire_cause_name(events[i].event.cause) != NULL);
		must(events[i].user.n <= REQUESTS_USER_MAX);
	}
}

static void check_decision(const struct decision_request *d)
{
	must(d->user.n > 0 && d->user.n <= REQUESTS_USER_MAX);
	must(d->mailbox.node.n > 0 && d->mailbox.node.n <= REQUESTS_NODE_MAX);
	must(d->mailbox.n_present <= REQUESTS_PRESENT_MAX);
	for (size_t i = 0; i < d->mailbox.n_present; i++)
		must(d->mailbox.present[i].uid > 0);
	check_events(d->events, d->n_events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct hello_request hello;
	struct decision_request decision;
	struct events_request events;
	struct withdrawals_request withdrawals;
	struct arena *a = arena_new(8 << 20);
	if (a == NULL || size == 0) {
		arena_free(a);
		return 0;
	}
	struct str json = {(const char *)data + 1, size - 1};
	bool ok = true;
	switch (data[0] % 4) {
	case 0:
		ok = decision_request_parse(json, a, &decision, &err);
		if (ok)
			check_decision(&decision);
		break;
	case 1:
		ok = events_request_parse(json, a, &events, &err);
		if (ok)
			check_events(events.events, events.n);
		break;
	case 2:
		ok = withdrawals_request_parse(json, a, &withdrawals, &err);
		must(!ok || withdrawals.n <= REQUESTS_USERS_MAX);
		for (size_t i = 0; ok && i < withdrawals.n; i++)
			must(withdrawals.users[i].n > 0);
		break;
	default:
		ok = hello_request_parse(json, a, &hello, &err);
		if (ok)
			must(hello.user.n > 0);
		break;
	}
	must(ok || (err.kind != ERROR_NONE && err.message[0] != '\0'));
	arena_free(a);
	return 0;
}
