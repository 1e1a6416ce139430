/* SPDX-License-Identifier: Apache-2.0 */
/* Drives a fuzz harness without a fuzzer: every seed, then mutations of them
 * from a fixed pseudo-random sequence, so that a failure can be repeated. A
 * failing input is left in the file "crash-<name>" of the current directory.
 *
 *   mutate-<name> ROUNDS SEED-DIRECTORY
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SEEDS 256
#define INPUT_MAX 65536

static struct {
	uint8_t *p;
	size_t n;
} seeds[MAX_SEEDS];
static size_t n_seeds;

/* xorshift64* */
static uint64_t rng = UINT64_C(0x9e3779b97f4a7c15);
static uint64_t draw(uint64_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

static void fail(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

static void load_seed(int dir, const char *name)
{
	uint8_t *bytes = malloc(INPUT_MAX + 1);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 || bytes == NULL ? -1 : read(fd, bytes, INPUT_MAX + 1);
	if (n < 0)
		fail(name, strerror(errno));
	close(fd);
	/* a seed that is left out would be a test that is left out */
	if (n > INPUT_MAX || n_seeds == MAX_SEEDS)
		fail(name, "one seed too many, or too long");
	seeds[n_seeds].p = bytes;
	seeds[n_seeds++].n = (size_t)n;
}

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of their names, or a failure could not be repeated elsewhere. */
static void load_seeds(const char *path)
{
	struct dirent **entries;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = dir < 0 ? -1 : scandirat(dir, ".", &entries, is_seed, alphasort);
	if (n < 0)
		fail(path, strerror(errno));
	for (int i = 0; i < n; i++) {
		load_seed(dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	close(dir);
}

static size_t mutate(uint8_t *p, size_t n)
{
	static const uint8_t telling[] = "\"\\{}[]:,\n\r\0\x7f\x80\xc3\xff=#!ue-.0";
	size_t at = n == 0 ? 0 : draw(n), len;
	switch (draw(7)) {
	case 0: /* another byte */
		if (n > 0)
			p[at] = (uint8_t)draw(256);
		return n;
	case 1: /* one that means something */
		if (n > 0)
			p[at] = telling[draw(sizeof telling - 1)];
		return n;
	case 2: /* a bit */
		if (n > 0)
			p[at] ^= (uint8_t)(1 << draw(8));
		return n;
	case 3: /* cut */
		return at;
	case 4: /* drop some */
		len = n - at > 0 ? 1 + draw(n - at < 8 ? n - at : 8) : 0;
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	case 5: /* put one in */
		if (n >= INPUT_MAX)
			return n;
		memmove(p + at + 1, p + at, n - at);
		p[at] = telling[draw(sizeof telling - 1)];
		return n + 1;
	default: { /* repeat a part, or take one of another seed */
		size_t other = draw(n_seeds), from;
		if (seeds[other].n == 0)
			return n;
		from = draw(seeds[other].n);
		len = 1 + draw(seeds[other].n - from < 64 ? seeds[other].n - from : 64);
		if (n + len > INPUT_MAX)
			return n;
		memmove(p + at + len, p + at, n - at);
		memcpy(p + at, seeds[other].p + from, len);
		return n + len;
	}
	}
}

/* The input is at the end of its own memory, so that a read beyond it is seen
 * by the sanitizers and by malloc's checkers. */
static void run(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n > 0 ? n : 1);
	if (exact == NULL)
		exit(1);
	if (n > 0)
		memcpy(exact, p, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

/* What a child was working on, where the parent can see it. */
struct work {
	size_t n;
	uint8_t bytes[INPUT_MAX];
};

static void all_rounds(struct work *work, unsigned long rounds)
{
	for (size_t i = 0; i < n_seeds; i++) {
		work->n = seeds[i].n;
		if (work->n > 0)
			memcpy(work->bytes, seeds[i].p, work->n);
		run(work->bytes, work->n);
	}
	for (unsigned long i = 0; i < rounds; i++) {
		size_t seed = draw(n_seeds);
		work->n = seeds[seed].n;
		if (work->n > 0)
			memcpy(work->bytes, seeds[seed].p, work->n);
		for (uint64_t times = 1 + draw(4); times > 0; times--)
			work->n = mutate(work->bytes, work->n);
		run(work->bytes, work->n);
	}
}

static int keep_crash(const char *program, const struct work *work, int status)
{
	char path[256];
	const char *name = strrchr(program, '/');
	snprintf(path, sizeof path, "crash-%s", name != NULL ? name + 1 : program);
	FILE *f = fopen(path, "wb");
	if (f != NULL) {
		fwrite(work->bytes, 1, work->n, f);
		fclose(f);
	}
	fprintf(stderr, "status %#x on %zu bytes, kept in %s\n", (unsigned)status,
		work->n, path);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s ROUNDS SEED-DIRECTORY\n", argv[0]);
		return 2;
	}
	load_seeds(argv[2]);
	struct work *work = mmap(NULL, sizeof *work, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (n_seeds == 0 || work == MAP_FAILED)
		return 1;
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		all_rounds(work, strtoul(argv[1], NULL, 10));
		for (size_t i = 0; i < n_seeds; i++)
			free(seeds[i].p);
		exit(0);
	}
	int status;
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].p);
	return status == 0 ? 0 : keep_crash(argv[0], work, status);
}
