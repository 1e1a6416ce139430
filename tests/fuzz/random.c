/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a fuzz harness random documents, a third of them with a few bytes changed.
 * INLAY_ORACLE_ROUNDS and INLAY_ORACLE_SEED make it more and others.
 *
 *   random-<name> ROUNDS
 */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOCUMENT_MAX 65536

static uint64_t state;

/* splitmix64 */
uint64_t draw(uint64_t below)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

static void change(char *p, size_t n)
{
	static const char telling[] =
		"\"\\{}[]:,\n\r\t\0\x7f\x80\xc3\xff eE-+.019tfn\'";
	for (uint64_t times = draw(3); n > 0 && times < 3; times++)
		p[draw(n)] = draw(2) == 0 ? (char)draw(256)
					  : telling[draw(sizeof telling - 1)];
}

/* Memory of its own, so that the sanitizers see a read beyond the end. */
static void run(struct str document, bool changed)
{
	char *copy = malloc(document.n > 0 ? document.n : 1);
	if (copy == NULL)
		abort();
	if (document.n > 0)
		memcpy(copy, document.p, document.n);
	if (changed)
		change(copy, document.n);
	LLVMFuzzerTestOneInput((const uint8_t *)copy, document.n);
	free(copy);
}

static void all_rounds(uint64_t seed, uint64_t rounds, volatile uint64_t *now)
{
	struct buf document;
	buf_init(&document, DOCUMENT_MAX);
	for (uint64_t i = 0; i < rounds; i++) {
		*now = state = seed + i;
		buf_clear(&document);
		random_document(&document);
		run(buf_str(&document), draw(3) == 0);
	}
	buf_free(&document);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *more = getenv("INLAY_ORACLE_ROUNDS");
	const char *other = getenv("INLAY_ORACLE_SEED");
	if (argc != 2) {
		fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
		return 2;
	}
	/* the seed of the round is where the parent can see it */
	uint64_t *now = mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = now == MAP_FAILED ? -1 : fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		all_rounds(other != NULL ? number(other) : 1,
			   number(more != NULL ? more : argv[1]), now);
		exit(0);
	}
	int status;
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	if (status != 0)
		fprintf(stderr,
			"status %#x; again: INLAY_ORACLE_ROUNDS=1 "
			"INLAY_ORACLE_SEED=%llu %s 1\n",
			(unsigned)status, (unsigned long long)*now, argv[0]);
	return status == 0 ? 0 : 1;
}
