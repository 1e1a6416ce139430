/* SPDX-License-Identifier: Apache-2.0 */
/* The Mustache texts of a template, one after the other. */
#ifndef INLAY_MESSAGE_TEMPLATE_INTERNAL_H
#define INLAY_MESSAGE_TEMPLATE_INTERNAL_H

#include "message/template.h"

/* The fixed texts: X(field, JSON pointer). Headers come behind them. */
#define TEMPLATE_TEXTS(X)                                                              \
	X(from_name, "/from/name")                                                     \
	X(reply_to_name, "/replyTo/name")                                              \
	X(subject, "/subject")                                                         \
	X(preheader, "/preheader")                                                     \
	X(html, "/html")                                                               \
	X(text, "/text")

#define TEMPLATE_N_TEXTS 6

/* Number of texts; the i-th may be NULL. */
static inline size_t template_n_texts(const struct template *t)
{
	return TEMPLATE_N_TEXTS + t->n_headers;
}

static inline const struct mustache *template_text_at(const struct template *t,
						      size_t i)
{
	const struct mustache *const fixed[TEMPLATE_N_TEXTS] = {
#define X(field, where) t->field,
		TEMPLATE_TEXTS(X)
#undef X
	};
	return i < TEMPLATE_N_TEXTS ? fixed[i] : t->headers[i - TEMPLATE_N_TEXTS].value;
}

#endif
