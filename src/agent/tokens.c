/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tokens.h"

#include "base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct tokens {
	const struct agent_tenant_setting *tenants;
	size_t n;
	char (*texts)[TOKENS_MAX + 1];
};

static bool read_file(const char *path, char *out, size_t size, size_t *n,
		      struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(err, path, errno, "cannot open the token file");
	*n = 0;
	ssize_t got;
	while (*n < size && (got = read(fd, out + *n, size - *n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			error_set_errno(err, path, errno, "cannot read the token file");
			close(fd);
			return false;
		}
		*n += (size_t)got;
	}
	close(fd);
	return true;
}

/* Visible ASCII only: what may stand in a header. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= TOKENS_MAX;
}

bool tokens_read_file(const char *path, char out[TOKENS_MAX + 1], struct error *err)
{
	char bytes[TOKENS_MAX + 8];
	size_t n = 0;
	if (!read_file(path, bytes, sizeof bytes, &n, err))
		return false;
	struct str token = str_trim((struct str){bytes, n});
	bool ok = is_token(token);
	if (ok) {
		memcpy(out, token.p, token.n);
		out[token.n] = '\0';
	} else {
		error_set(err, ERROR_BAD_VALUE, path,
			  "must hold one token of up to %d visible characters",
			  TOKENS_MAX);
	}
	crypto_wipe(bytes, sizeof bytes);
	return ok;
}

struct tokens *tokens_new(const struct agent_tenant_setting *tenants, size_t n,
			  struct error *err)
{
	struct tokens *t = calloc(1, sizeof *t);
	if (t != NULL)
		t->texts = calloc(n > 0 ? n : 1, sizeof *t->texts);
	bool ok = t != NULL && t->texts != NULL;
	if (!ok)
		error_set(err, ERROR_MEMORY, "", "out of memory");
	if (ok) {
		t->tenants = tenants;
		t->n = n;
	}
	for (size_t i = 0; ok && i < n; i++)
		ok = tokens_read_file(tenants[i].token_file.p, t->texts[i], err);
	if (!ok) {
		tokens_free(t);
		return NULL;
	}
	return t;
}

void tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	if (t->texts != NULL)
		crypto_wipe(t->texts, t->n * sizeof *t->texts);
	free(t->texts);
	free(t);
}

bool tokens_read_again(struct tokens *t, struct log *log)
{
	bool all = true;
	for (size_t i = 0; i < t->n; i++) {
		struct error err = {0};
		if (tokens_read_file(t->tenants[i].token_file.p, t->texts[i], &err))
			continue;
		log_error(log, "uplink", "%s: %s; the old token stays", err.where,
			  err.message);
		all = false;
	}
	return all;
}

const char *tokens_of(const struct tokens *t, struct str tenant)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->tenants[i].id, tenant))
			return t->texts[i];
	return NULL;
}
