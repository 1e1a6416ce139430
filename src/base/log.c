/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_AREAS 32
#define MAX_LINE 2048

struct area_level {
	char area[32];
	enum log_level level;
};

struct log {
	char *path; /* NULL: standard error */
	int fd;
	pthread_rwlock_t lock; /* the descriptor against re-opening */
	enum log_level level;
	struct area_level areas[MAX_AREAS];
	size_t n_areas;
};

static const char *const level_names[] = {
#define X(name, text) text,
	LOG_LEVELS(X)
#undef X
};
/* as they stand in a line, of one width */
static const char *const level_words[] = {"OFF  ", "ERROR", "WARN ",
					  "INFO ", "DEBUG", "TRACE"};

bool log_level_parse(struct str s, enum log_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
		if (str_ieq(s, str_of(level_names[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

const char *log_level_name(enum log_level l)
{
	return level_names[l];
}

static int open_file(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		error_set_errno(err, path, errno, "cannot open the log file");
	return fd;
}

struct log *log_open(const char *path, enum log_level level, struct error *err)
{
	struct log *log = calloc(1, sizeof *log);
	if (log == NULL || (path != NULL && (log->path = strdup(path)) == NULL)) {
		free(log);
		error_set(err, ERROR_MEMORY, "", "no memory for the log");
		return NULL;
	}
	log->level = level;
	log->fd = path != NULL ? open_file(path, err) : STDERR_FILENO;
	if (log->fd < 0) {
		free(log->path);
		free(log);
		return NULL;
	}
	pthread_rwlock_init(&log->lock, NULL);
	return log;
}

void log_close(struct log *log)
{
	if (log == NULL)
		return;
	if (log->path != NULL)
		close(log->fd);
	pthread_rwlock_destroy(&log->lock);
	free(log->path);
	free(log);
}

bool log_reopen(struct log *log, struct error *err)
{
	if (log == NULL || log->path == NULL)
		return true;
	int fd = open_file(log->path, err);
	if (fd < 0)
		return false;
	pthread_rwlock_wrlock(&log->lock);
	int old = log->fd;
	log->fd = fd;
	pthread_rwlock_unlock(&log->lock);
	close(old);
	return true;
}

bool log_set_area_level(struct log *log, struct str area, enum log_level level)
{
	if (log->n_areas == MAX_AREAS || area.n >= sizeof log->areas[0].area)
		return false;
	struct area_level *a = &log->areas[log->n_areas++];
	memcpy(a->area, area.p, area.n);
	a->area[area.n] = '\0';
	a->level = level;
	return true;
}

bool log_enabled(const struct log *log, enum log_level level, const char *area)
{
	if (log == NULL)
		return false;
	for (size_t i = 0; i < log->n_areas; i++)
		if (strcmp(log->areas[i].area, area) == 0)
			return level <= log->areas[i].level;
	return level <= log->level;
}

/* Control characters would let a value begin a line of its own. */
static size_t add_escaped(char *out, size_t size, const char *text)
{
	size_t n = 0;
	for (; *text != '\0' && n + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	return n;
}

void log_event(struct log *log, enum log_level level, const char *area, const char *fmt,
	       ...)
{
	if (!log_enabled(log, level, area))
		return;
	char text[MAX_LINE], line[MAX_LINE + 128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);

	struct buf time;
	char time_text[32] = "-";
	buf_init(&time, sizeof time_text - 1);
	if (clock_format_rfc3339(&time, clock_real_ms())) {
		/* always with milliseconds, so that columns stay in place */
		struct str t = buf_str(&time);
		bool whole = str_find_char(t, '.') == t.n;
		snprintf(time_text, sizeof time_text, "%.*s%s", (int)(t.n - 1), t.p,
			 whole ? ".000Z" : "Z");
	}
	buf_free(&time);

	size_t n = (size_t)snprintf(line, sizeof line, "%s %s %-9s ", time_text,
				    level_words[level], area);
	n += add_escaped(line + n, sizeof line - n - 1, text);
	line[n++] = '\n';
	pthread_rwlock_rdlock(&log->lock);
	/* a log that cannot be written to has nobody to tell */
	if (write(log->fd, line, n) < 0)
		(void)0;
	pthread_rwlock_unlock(&log->lock);
}
