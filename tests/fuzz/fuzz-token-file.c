/* SPDX-License-Identifier: Apache-2.0 */
/* A file of any bytes as a tenant's token: what is taken can stand in a header. */
#include "agent/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One file in memory, written anew for each input. */
static int file_of(const uint8_t *data, size_t size)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("token", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", file_of(data, size));
	const struct agent_tenant_setting tenant = {STR("acme"), str_of(path)};
	struct error err = {0};
	struct tokens *t = tokens_new(&tenant, 1, &err);
	if ((t == NULL) == (err.kind == ERROR_NONE))
		abort();
	if (t == NULL)
		return 0;
	struct str token = str_of(tokens_of(t, STR("acme")));
	if (token.n == 0 || token.n > TOKENS_MAX || tokens_of(t, STR("other")) != NULL)
		abort();
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			abort();
	tokens_free(t);
	return 0;
}
