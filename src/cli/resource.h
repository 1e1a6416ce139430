/* SPDX-License-Identifier: Apache-2.0 */
/* What most commands do: get a list or an object and show it, or send a document.
 * Patterns as in session.h: the tenant's id first. */
#ifndef INLAY_CLI_RESOURCE_H
#define INLAY_CLI_RESOURCE_H

#include "cli/session.h"
#include "cli/view.h"

struct resource {
	const char *pattern;
	bool no_tenant; /* the pattern has no place for one */
	/* of a list within something that the tenant has; absent: the pattern has no
	 * second place */
	struct str inside;
	bool paged;
	const struct view_field *fields;
	size_t n_fields;
};
#define RESOURCE_FIELDS(f) .fields = (f), .n_fields = sizeof(f) / sizeof *(f)

/* GET of an array, all its pages. */
bool resource_list(struct session *s, const struct resource *r,
		   struct error_list *errors);
/* GET of an object. `values` as in session_call. */
bool resource_show(struct session *s, const struct resource *r,
		   const struct str *values, size_t n_values,
		   struct error_list *errors);
/* Prints an object that was got, as resource_show does. */
bool resource_print(struct session *s, const struct resource *r, const json_t *object,
		    struct error_list *errors);
/* Sends a JSON file. Prints the answer with --json, else nothing. */
bool resource_send(struct session *s, const char *method, const char *pattern,
		   const struct str *values, size_t n_values, const char *file,
		   struct error_list *errors);
/* A call with a small body, or none. Prints the answer as resource_send does. */
bool resource_act(struct session *s, const char *method, const char *pattern,
		  const struct str *values, size_t n_values, struct str body,
		  struct error_list *errors);

#endif
