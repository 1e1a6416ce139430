/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant declares about its users: the attributes that a profile may have, and
 * the purposes that users consent to. JSON in and out, and the check of a value. What
 * is not declared is an error wherever users are written. Pure. */
#ifndef INLAY_MODEL_USER_SCHEMA_H
#define INLAY_MODEL_USER_SCHEMA_H

#include "base/json.h"

#include <jansson.h>

#define SCHEMA_MAX_ATTRIBUTES 64
#define SCHEMA_MAX_PURPOSES 256
#define SCHEMA_MAX_ALLOWED 1000
#define SCHEMA_MAX_WORDINGS 1000
#define ATTRIBUTE_VALUE_MAX 1024 /* bytes */
/* Documents of the collection SETTING. */
#define SCHEMA_ATTRIBUTES_ID "attributes"
#define SCHEMA_PURPOSES_ID "purposes"

/* X(NAME, JSON name) */
#define ATTRIBUTE_TYPES(X)                                                             \
	X(STRING, "string")                                                            \
	X(NUMBER, "number")                                                            \
	X(BOOLEAN, "boolean")                                                          \
	X(DATE, "date") /* 2026-05-01 */
enum attribute_type {
#define X(name, text) ATTRIBUTE_##name,
	ATTRIBUTE_TYPES(X)
#undef X
};

struct attribute_schema {
	struct str name;
	enum attribute_type type;
	struct str label;
	const struct str *allowed; /* values; none: any */
	size_t n_allowed;
	bool sensitive; /* may not be used in rules */
};

struct purpose_name {
	struct str language, text;
};
struct wording {
	struct str version, text;
	struct str hash; /* hex SHA-256 of the text */
	bool names_inbox_placement;
};
struct purpose {
	struct str id;
	const struct purpose_name *names;
	size_t n_names;
	const struct wording *wordings;
	size_t n_wordings;
};

struct user_schema {
	const struct attribute_schema *attributes;
	size_t n_attributes;
	const struct purpose *purposes;
	size_t n_purposes;
};

/* Whole lists; pointers of errors begin at "/0". Text goes to the arena. */
bool schema_parse_attributes(json_t *list, struct arena *arena, struct user_schema *out,
			     struct error_list *errors);
bool schema_parse_purposes(json_t *list, struct arena *arena, struct user_schema *out,
			   struct error_list *errors);
void schema_print_attributes(struct json_writer *w, const struct user_schema *s);
void schema_print_purposes(struct json_writer *w, const struct user_schema *s);

const struct attribute_schema *schema_attribute(const struct user_schema *s,
						struct str name);
const struct purpose *schema_purpose(const struct user_schema *s, struct str id);
const struct wording *purpose_wording(const struct purpose *p, struct str version);
/* Is this text a value of the attribute? The message says what is allowed. */
bool attribute_check(const struct attribute_schema *a, struct str value,
		     struct error *err);
/* The value as JSON of its type. a may be NULL: a string. */
void attribute_put_value(struct json_writer *w, const struct attribute_schema *a,
			 struct str value);

#endif
