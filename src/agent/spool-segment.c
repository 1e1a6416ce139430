/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool-segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool reserve(int fd, uint64_t room, struct error *err)
{
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)room) == 0)
		return true;
	/* a file system that cannot promise room is used without */
	if (errno == EOPNOTSUPP || errno == ENOSYS)
		return true;
	return error_set_errno(err, "spool", errno, "cannot reserve room");
}

struct spool_segment *spool_segment_new(int directory, uint64_t sequence, uint64_t room,
					struct error *err)
{
	struct spool_segment *g = calloc(1, sizeof *g);
	if (g == NULL) {
		error_set(err, ERROR_MEMORY, "spool", "out of memory");
		return NULL;
	}
	snprintf(g->name, sizeof g->name, "%016llx.spool",
		 (unsigned long long)sequence);
	g->room = room;
	g->fd = openat(directory, g->name,
		       O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (g->fd < 0) {
		error_set_errno(err, "spool", errno, "cannot make %s", g->name);
		free(g);
		return NULL;
	}
	if (!reserve(g->fd, room, err)) {
		spool_segment_remove(directory, g);
		return NULL;
	}
	return g;
}

bool spool_segment_append(struct spool_segment *g, struct str bytes, struct error *err)
{
	if (g->size + bytes.n > g->room)
		return error_set(err, ERROR_FULL, "spool", "the file is full");
	size_t done = 0;
	while (done < bytes.n) {
		ssize_t n = write(g->fd, bytes.p + done, bytes.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int e = n < 0 ? errno : ENOSPC;
			/* half a record must not stand before the next one */
			if (ftruncate(g->fd, (off_t)g->size) != 0)
				g->room = g->size;
			return error_set_errno(err, "spool", e, "cannot write %s",
					       g->name);
		}
		done += (size_t)n;
	}
	g->size += bytes.n;
	return true;
}

bool spool_segment_empty(struct spool_segment *g, struct error *err)
{
	if (ftruncate(g->fd, 0) != 0)
		return error_set_errno(err, "spool", errno, "cannot empty %s", g->name);
	g->size = 0;
	return reserve(g->fd, g->room, err);
}

void spool_segment_close(struct spool_segment *g)
{
	if (g == NULL)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}

void spool_segment_remove(int directory, struct spool_segment *g)
{
	char aside[SPOOL_SEGMENT_NAME + 8];
	if (g->keep_aside) {
		snprintf(aside, sizeof aside, "%s.damaged", g->name);
		renameat(directory, g->name, directory, aside);
	} else {
		unlinkat(directory, g->name, 0);
	}
	spool_segment_close(g);
}

bool spool_segment_is_name(const char *name)
{
	for (size_t i = 0; i < 16; i++)
		if (!((name[i] >= '0' && name[i] <= '9') ||
		      (name[i] >= 'a' && name[i] <= 'f')))
			return false;
	return strcmp(name + 16, ".spool") == 0;
}

/* Its bytes, mapped; {NULL,0} for an empty file. */
static bool map(int fd, struct str *bytes, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return error_set_errno(err, "spool", errno, "cannot look at a file");
	*bytes = (struct str){0};
	if (st.st_size == 0)
		return true;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return error_set_errno(err, "spool", errno, "cannot read a file");
	*bytes = (struct str){p, (size_t)st.st_size};
	return true;
}

static bool scan(struct spool_segment *g, struct str bytes,
		 bool (*take)(void *ctx, const struct spool_record *r, size_t length),
		 void *ctx, uint64_t *cut, struct error *err)
{
	size_t good;
	enum spool_record_status status = spool_record_scan(bytes, take, ctx, &good);
	*cut = bytes.n - good;
	g->size = g->room = good;
	if (status == SPOOL_RECORD_OK)
		return error_set(err, ERROR_MEMORY, "spool", "out of memory");
	if (status == SPOOL_RECORD_BAD)
		g->keep_aside = true;
	else if (status == SPOOL_RECORD_TORN && ftruncate(g->fd, (off_t)good) != 0)
		return error_set_errno(err, "spool", errno, "cannot cut %s", g->name);
	return true;
}

struct spool_segment *spool_segment_load(int directory, const char *name,
					 bool (*take)(void *ctx,
						      const struct spool_record *r,
						      size_t length),
					 void *ctx, uint64_t *cut, struct error *err)
{
	struct str bytes = {0};
	struct spool_segment *g = calloc(1, sizeof *g);
	*cut = 0;
	if (g == NULL) {
		error_set(err, ERROR_MEMORY, "spool", "out of memory");
		return NULL;
	}
	snprintf(g->name, sizeof g->name, "%s", name);
	g->fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool ok = g->fd >= 0;
	if (!ok)
		error_set_errno(err, "spool", errno, "cannot open %s", name);
	ok = ok && map(g->fd, &bytes, err) && scan(g, bytes, take, ctx, cut, err);
	if (bytes.p != NULL)
		munmap((void *)(uintptr_t)bytes.p, bytes.n);
	if (!ok) {
		spool_segment_close(g);
		return NULL;
	}
	close(g->fd);
	g->fd = -1;
	return g;
}
