/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bundle-dir.h"

#include "base/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

bool bundle_dir_open(struct bundle_dir *d, const char *path, struct error *err)
{
	d->path = path;
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0)
		return true;
	if (errno == ENOENT || errno == ENOTDIR)
		return error_set(err, ERROR_NOT_FOUND, "", "there is no directory %s",
				 path);
	return error_set_errno(err, "", errno, "cannot open the directory %s", path);
}

void bundle_dir_close(struct bundle_dir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

bool bundle_dir_has(const struct bundle_dir *d, const char *name)
{
	struct stat st;
	return fstatat(d->fd, name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static int open_file(const struct bundle_dir *d, const char *name, struct error *err)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO must not hold us up */
	int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ENOENT)
			error_set(err, ERROR_NOT_FOUND, name, "is not there");
		else
			error_set_errno(err, name, errno, "cannot be opened");
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	error_set(err, ERROR_UNPROCESSABLE, name, "is not a file");
	return -1;
}

bool bundle_dir_read(const struct bundle_dir *d, struct str name,
		     bundle_dir_piece_fn *take, void *ctx, struct error *err)
{
	char path[BUNDLE_FILE_NAME_MAX + 1], piece[PIECE];
	if (name.n > BUNDLE_FILE_NAME_MAX)
		return error_set(err, ERROR_BAD_VALUE, "",
				 "the name of a file is too long");
	memcpy(path, name.p, name.n);
	path[name.n] = '\0';
	int fd = open_file(d, path, err);
	bool ok = fd >= 0;
	while (ok) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ok = error_set_errno(err, path, errno, "cannot be read");
		if (n <= 0)
			break;
		ok = take(ctx, (struct str){piece, (size_t)n}, err);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool take_text(void *ctx, struct str bytes, struct error *err)
{
	struct buf *b = ctx;
	if (buf_add_str(b, bytes))
		return true;
	return b->state == BUF_NOMEM ? error_set(err, ERROR_MEMORY, "", "out of memory")
				     : error_set(err, ERROR_TOO_LARGE, "",
						 "is larger than %zu bytes", b->max);
}

bool bundle_dir_read_all(const struct bundle_dir *d, const char *name, struct buf *out,
			 struct error *err)
{
	if (bundle_dir_read(d, str_of(name), take_text, out, err))
		return true;
	if (err->where[0] == '\0')
		snprintf(err->where, sizeof err->where, "%s", name);
	return false;
}

struct measure {
	struct crypto_sha256_state hash;
	uint64_t bytes, records;
	struct csv *csv; /* NULL: rows are not counted */
};

static bool count_record(void *ctx, const struct str *fields, size_t n, uint64_t line)
{
	struct measure *m = ctx;
	(void)fields;
	(void)n;
	(void)line;
	m->records++;
	return true;
}

static bool take_measure(void *ctx, struct str bytes, struct error *err)
{
	struct measure *m = ctx;
	crypto_sha256_add(&m->hash, bytes);
	m->bytes += bytes.n;
	return m->csv == NULL || csv_feed(m->csv, bytes, err);
}

bool bundle_dir_measure(const struct bundle_dir *d, struct str name,
			struct bundle_file *out, struct error *err)
{
	static const struct csv_limits limits = {.max_fields = BUNDLE_COLUMNS_MAX + 1,
						 .max_field = BUNDLE_VALUE_MAX,
						 .max_record = BUNDLE_ROW_MAX};
	struct measure m = {.csv = NULL};
	*out = (struct bundle_file){.name = name};
	if (!bundle_file_kind(name, &out->kind))
		return error_set(err, ERROR_BAD_VALUE, "",
				 "%.*s is no file of a bundle", STR_ARG(name));
	crypto_sha256_start(&m.hash);
	if (str_eqz(name, BUNDLE_RECIPIENTS)) {
		m.csv = csv_new(&limits, count_record, &m);
		if (m.csv == NULL)
			return error_set(err, ERROR_MEMORY, "", "out of memory");
	}
	bool ok = bundle_dir_read(d, name, take_measure, &m, err) &&
		  (m.csv == NULL || csv_end(m.csv, err));
	if (ok) {
		crypto_sha256_end(&m.hash, out->sha256);
		out->bytes = m.bytes;
		out->has_rows = m.csv != NULL;
		out->rows = m.records > 0 ? m.records - 1 : 0;
	} else if (str_starts(str_of(err->where), STR("line "))) {
		char line[32];
		snprintf(line, sizeof line, "%.20s", err->where + 5);
		snprintf(err->where, sizeof err->where, "%.*s:%s", STR_ARG(name), line);
	}
	csv_free(m.csv);
	return ok;
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return fsync(fd) == 0;
}

bool bundle_dir_write(const struct bundle_dir *d, const char *name, struct str bytes,
		      struct error *err)
{
	char temporary[BUNDLE_FILE_NAME_MAX + 8];
	snprintf(temporary, sizeof temporary, ".%s.new", name);
	int fd = openat(d->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);
	if (fd < 0)
		return error_set_errno(err, name, errno, "cannot be written");
	bool ok = write_all(fd, bytes);
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && renameat(d->fd, temporary, d->fd, name) != 0) {
		ok = false;
		why = errno;
	}
	if (ok)
		return true;
	unlinkat(d->fd, temporary, 0);
	return error_set_errno(err, name, why, "cannot be written");
}
