/* SPDX-License-Identifier: Apache-2.0 */
/* The whole agent, started on a spool with events while allocations and changes of
 * files fail in turn: it runs, or ends in good order and says why; and the events are
 * there for the next start. Each start is a process of its own. (What GLib and libev
 * allocate does not fail here: they end the process then.) */
#include "agent/spool.h"
#include "base/unit-disk.h"
#include "base/unit-folder.h"
#include "base/unit-malloc.h"
#include "base/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int agent_main(int argc, char **argv); /* main.c's */

#define EVENTS 20
#define ALLOCATION UNIT_DISK_FAULTS /* as a fault */

static char folder[64];
/* What a child found out. */
static struct {
	bool came;    /* the fault */
	bool started; /* somebody could connect */
} * seen;

static const char *path_of(const char *name)
{
	static char path[8][128];
	static unsigned at;
	char *p = path[at++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
}

/* The spool ------------------------------------------------------------------------*/

static void nothing_synced(void *ctx, uint64_t sequence, bool ok)
{
	(void)ctx, (void)sequence, (void)ok;
}

/* Opens it, appends so many, closes it; how many there were. */
static size_t use_spool(unsigned append)
{
	struct error err;
	struct spool_config config = {.directory = path_of("spool"),
				      .max_bytes = (uint64_t)SPOOL_MIN_SIZE * 64,
				      .loop = ev_loop_new(EVFLAG_AUTO),
				      .synced = nothing_synced};
	struct spool *s = spool_open(&config, &err);
	if (s == NULL)
		fail_msg("%s: %s", err.where, err.message);
	size_t n = spool_count(s);
	for (unsigned i = 0; i < append; i++) {
		struct spool_record r = {.type = 3,
					 .time_ms = 1,
					 .tenant = STR("default"),
					 .user = i % 2 ? STR("anna") : STR("bert")};
		if (!spool_append(s, &r, &err))
			fail_msg("%s", err.message);
	}
	spool_close(s);
	ev_loop_destroy(config.loop);
	return n;
}

/* A record that a crash has cut. */
static int add_torn(const char *path, const struct stat *st, int type, struct FTW *w)
{
	char bytes[20];
	(void)st, (void)w;
	if (type != FTW_F || !str_ends(str_of(path), STR(".spool")))
		return 0;
	int fd = open(path, O_RDWR | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	return 0;
}

/* The agent ------------------------------------------------------------------------*/

/* Asks it to end, as soon as it listens. */
static void *end_it(void *arg)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timespec pause = {.tv_nsec = 2000000};
	(void)arg;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/sock", folder);
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			seen->started = true;
		close(fd);
		if (seen->started)
			kill(getpid(), SIGTERM);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void run_agent(unsigned fault, long nth)
{
	char config[160];
	snprintf(config, sizeof config, "%s/properties", folder);
	char *argv[] = {(char[]){"inlay-agent"}, (char[]){"--config"}, config, NULL};
	pthread_t thread;
	signal(SIGTERM, SIG_IGN); /* before it looks for it */
	alarm(60);
	if (freopen("/dev/null", "w", stderr) == NULL ||
	    pthread_create(&thread, NULL, end_it, NULL) != 0)
		_exit(99);
	if (fault == ALLOCATION)
		unit_malloc_fail(nth);
	else
		unit_disk_fail((enum unit_disk_fault)fault, nth);
	int code = agent_main(sizeof argv / sizeof *argv - 1, argv);
	seen->came = fault == ALLOCATION ? !unit_malloc_stop() : !unit_disk_stop();
	/* as a sanitizer's findings have a code of their own */
	exit(code);
}

/* False: the fault did not come. */
static bool fails_at(unsigned fault, long nth)
{
	int status;
	const char *name =
		fault == ALLOCATION ? "allocation" : unit_disk_fault_names[fault];
	seen->came = seen->started = false;
	nftw(path_of("spool"), add_torn, 8, FTW_PHYS);
	fflush(stdout);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		run_agent(fault, nth);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status))
		fail_msg("%s %ld: ended by signal %d", name, nth, WTERMSIG(status));
	int code = WEXITSTATUS(status);
	if (code == 99 || code == 23 || (code == 0) != seen->started)
		fail_msg("%s %ld: ended with %d, started: %d", name, nth, code,
			 seen->started);
	if (!seen->came && code != 0)
		fail_msg("behind %s %ld: ended with %d", name, nth, code);
	size_t n = use_spool(0);
	if (n != EVENTS)
		fail_msg("%s %ld: %zu events of %d", name, nth, n, EVENTS);
	return seen->came;
}

static void make_settings(void)
{
	FILE *f = fopen(path_of("properties"), "w");
	assert_non_null(f);
	fprintf(f,
		"inlay.socket.path=%s\ninlay.spool.directory=%s\n"
		"inlay.cache.directory=%s\ninlay.tenant.default.token-file=%s\n"
		"logging.file=%s\ninlay.mim.url=http://127.0.0.1:1\n"
		"inlay.node=imap1.example.org\ninlay.trusted-uids=\n",
		path_of("sock"), path_of("spool"), path_of("cache"), path_of("token"),
		path_of("log"));
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	make_folder_of_own(folder, sizeof folder, "start");
	assert_int_equal(mkdir(path_of("spool"), 0700), 0);
	assert_int_equal(mkdir(path_of("cache"), 0700), 0);
	write_file_at(path_of("token"), STR("secret\n"));
	make_settings();
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	use_spool(EVENTS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	munmap(seen, sizeof *seen);
	remove_folder(folder);
	return 0;
}

static void torture(unsigned fault)
{
	long nth = 1;
#ifdef INLAY_ARENA_MALLOC
	/* slow there: the later, the more are left out */
	long skip = 20;
#else
	long skip = 1000000;
#endif
	while (fails_at(fault, nth))
		nth += 1 + nth / skip;
}

static void without_memory_it_starts_or_says_why_and_keeps_its_events(void **state)
{
	(void)state;
	torture(ALLOCATION);
}

static void on_a_failing_disk_it_starts_or_says_why_and_keeps_its_events(void **state)
{
	(void)state;
	for (unsigned fault = 0; fault < UNIT_DISK_FAULTS; fault++)
		torture(fault);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(without_memory_it_starts_or_says_why_and_keeps_its_events),
		TEST(on_a_failing_disk_it_starts_or_says_why_and_keeps_its_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
