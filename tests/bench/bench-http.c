/* SPDX-License-Identifier: Apache-2.0 */
#include "bench-http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	exit(1);
}

uint64_t bench_number(const char *text, uint64_t max)
{
	uint64_t n;
	if (!str_to_u64(str_of(text), max, &n)) {
		fprintf(stderr, "%s: %s: a number up to %llu\n",
			program_invocation_short_name, text, (unsigned long long)max);
		exit(2);
	}
	return n;
}

static struct str read_file(const char *path)
{
	struct buf b;
	char chunk[65536];
	size_t n;
	FILE *f = fopen(path, "rbe");
	if (f == NULL)
		bench_die(path);
	buf_init(&b, SIZE_MAX / 2);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	if (!buf_ok(&b))
		bench_die(path);
	return buf_str(&b); /* kept to the end of the process */
}

void bodies_read(struct bodies *b, const char *path)
{
	struct str rest = read_file(path), line;
	size_t cap = 0;
	*b = (struct bodies){0};
	while (str_next_part(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (b->n == cap) {
			cap = cap == 0 ? 4096 : 2 * cap;
			b->lines = realloc(b->lines, cap * sizeof *b->lines);
			if (b->lines == NULL)
				bench_die(path);
		}
		b->lines[b->n++] = line;
	}
	if (b->n == 0)
		bench_die(path);
}

struct target target_read(const char *path, const char *token_file)
{
	struct target to = {.path = str_of(path)};
	if (strcmp(token_file, "-") != 0)
		to.token = str_trim(read_file(token_file));
	return to;
}

void request_write(struct buf *out, const struct target *to, struct bodies *bodies)
{
	struct str body = bodies->lines[bodies->next];
	bodies->next = (bodies->next + 1) % bodies->n;
	buf_clear(out);
	buf_add_str(out, STR("POST "));
	buf_add_str(out, to->path);
	buf_add_str(out, STR(" HTTP/1.1\r\nHost: localhost\r\n"
			     "Content-Type: application/json\r\n"));
	if (to->token.n > 0) {
		buf_add_str(out, STR("Authorization: Bearer "));
		buf_add_str(out, to->token);
		buf_add_str(out, STR("\r\n"));
	}
	buf_add_str(out, STR("Content-Length: "));
	buf_add_u64(out, body.n);
	buf_add_str(out, STR("\r\n\r\n"));
	buf_add_str(out, body);
	if (!buf_ok(out))
		bench_die("request");
}

struct str head_field(struct str head, struct str name)
{
	struct str line;
	while (str_next_part(&head, '\n', &line))
		if (line.n > name.n && line.p[name.n] == ':' &&
		    str_ieq(str_slice(line, 0, name.n), name))
			return str_trim(str_slice(line, name.n + 1, line.n));
	return (struct str){NULL, 0};
}

size_t answer_size(struct str in, struct str *head)
{
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
	uint64_t length;
	if (end == NULL)
		return 0;
	*head = (struct str){in.p, (size_t)(end - in.p) + 2};
	if (!str_to_u64(head_field(*head, STR("Content-Length")), ANSWER_MAX, &length))
		bench_die("an answer without Content-Length");
	size_t whole = head->n + 2 + (size_t)length;
	return in.n < whole ? 0 : whole;
}

void latency_init(struct latency *t)
{
	*t = (struct latency){.counts = calloc(LATENCY_MAX_US + 1, sizeof *t->counts)};
	if (t->counts == NULL)
		bench_die("memory");
}

void latency_add(struct latency *t, int64_t us)
{
	t->n++;
	t->counts[us < LATENCY_MAX_US ? us : LATENCY_MAX_US]++;
	if (us > t->longest_us)
		t->longest_us = us;
}

unsigned latency_percentile(const struct latency *t, double share)
{
	uint64_t seen = 0, want = (uint64_t)((double)t->n * share);
	for (unsigned us = 0; us <= LATENCY_MAX_US; us++) {
		seen += t->counts[us];
		if (seen > want)
			return us;
	}
	return 0;
}
