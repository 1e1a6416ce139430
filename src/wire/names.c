/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#define CASE(number, text)                                                             \
	case number:                                                                   \
		return text;

const char *wire_status_text(enum wire_status status)
{
	switch (status) {
#define X(name, text) CASE(WIRE_##name, text)
		WIRE_STATUSES(X)
#undef X
	}
	return NULL;
}

const char *wire_type_name(unsigned type)
{
	switch (type) {
#define X(name, number, max) CASE(number, #name)
		WIRE_TYPES(X)
#undef X
	default:
		return NULL;
	}
}

const char *wire_event_name(unsigned type)
{
	switch (type) {
#define X(name, number, text) CASE(number, text)
		WIRE_EVENTS(X)
#undef X
	default:
		return NULL;
	}
}

const char *wire_cause_name(unsigned cause)
{
	switch (cause) {
#define X(name, number, text, event) CASE(number, text)
		WIRE_CAUSES(X)
#undef X
	default:
		return NULL;
	}
}

const char *wire_withdraw_cause_name(unsigned cause)
{
	switch (cause) {
#define X(name, number, text) CASE(number, text)
		WIRE_WITHDRAW_CAUSES(X)
#undef X
	default:
		return NULL;
	}
}

const char *wire_position_name(unsigned position)
{
	switch (position) {
#define X(name, number, text) CASE(number, text)
		WIRE_POSITIONS(X)
#undef X
	default:
		return NULL;
	}
}

unsigned wire_event_of(struct str name)
{
#define X(id, number, text)                                                            \
	if (str_eq(name, STR(text)))                                                   \
		return number;
	WIRE_EVENTS(X)
#undef X
	return 0;
}

unsigned wire_cause_of(struct str name)
{
#define X(id, number, text, event)                                                     \
	if (str_eq(name, STR(text)))                                                   \
		return number;
	WIRE_CAUSES(X)
#undef X
	return 0;
}

unsigned wire_withdraw_cause_of(struct str name)
{
#define X(id, number, text)                                                            \
	if (str_eq(name, STR(text)))                                                   \
		return number;
	WIRE_WITHDRAW_CAUSES(X)
#undef X
	return 0;
}
