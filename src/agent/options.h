/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the command line. */
#ifndef INLAY_AGENT_OPTIONS_H
#define INLAY_AGENT_OPTIONS_H

#include "base/buf.h"
#include "base/error.h"

#define OPTIONS_MAX_SET 64
#define OPTIONS_DEFAULT_CONFIG "/etc/inlay/inlay-agent.properties"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_CHECK_CONFIG,
	OPTIONS_PRINT_CONFIG,
};

struct options {
	enum options_action action;
	const char *config;
	const char *set[OPTIONS_MAX_SET]; /* name=value */
	size_t n_set;
};

bool options_parse(struct options *o, int argc, char **argv, struct error *err);
/* The text of --help, settings included. */
bool options_help(struct buf *out);

#endif
