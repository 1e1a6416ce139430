/* SPDX-License-Identifier: Apache-2.0 */
/* mimd: reads its settings, wires the parts together, waits for signals. */
#include "base/clock.h"
#include "base/crypto.h"
#include "mim/admission.h"
#include "mim/deliver.h"
#include "mim/due.h"
#include "mim/event-batch.h"
#include "mim/import.h"
#include "mim/mim.h"
#include "mim/routes.h"
#include "mim/secrets.h"
#include "mim/server.h"
#include "mim/settings.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SETS 64
#define MAX_ERRORS 100
#define PATH_SIZE 4096
#define EXIT_CONFIGURATION 2
#define JOBS_QUEUED_MAX 1000
#define OUTSIDE_THREADS 2
#define OUTSIDE_QUEUED_MAX 8 /* each for as long as source-api.c lets it */

struct options {
	const char *config;
	const char *sets[MAX_SETS];
	size_t n_sets;
	bool check, print;
};

/* Everything that is made at the start and freed at the end, in this order. */
struct process {
	struct mim mim;
	struct settings *settings;
	struct master_key key;
	struct server *api, *public;
	sigset_t signals;
	struct due_worker *due;
};

static void print_help(void)
{
	size_t n;
	struct buf text;
	const struct setting *table = mim_settings_table(&n);
	buf_init(&text, 1 << 20);
	settings_help(table, n, &text);
	printf("Usage: mimd [--config FILE] [--set KEY=VALUE]...\n"
	       "       mimd --check-config | --print-config | --print-routes | --help "
	       "|\n"
	       "            --version\n\n"
	       "The mail injection middleware of Inlay.\n\n"
	       "  --config FILE    settings (default %s)\n"
	       "  --set KEY=VALUE  sets one, whatever the file says\n"
	       "  --check-config   says what is wrong with the settings, and ends\n"
	       "  --print-config   prints all settings with their origin, and ends\n"
	       "  --print-routes   prints the calls that are served, and ends\n"
	       "  --help, --version\n\nSettings:\n%.*s",
	       SETTINGS_DEFAULT_FILE, STR_ARG(buf_str(&text)));
	buf_free(&text);
}

static void print_routes(void)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	routes_write(&text);
	printf("%.*s", STR_ARG(buf_str(&text)));
	buf_free(&text);
}

/* False: *status is what to exit with. */
static bool read_options(int argc, char **argv, struct options *o, int *status)
{
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"check-config", no_argument, NULL, 'k'},
		{"print-config", no_argument, NULL, 'p'},
		{"print-routes", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;
	*status = EXIT_SUCCESS;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'c') {
			o->config = optarg;
		} else if (c == 's' && o->n_sets < MAX_SETS) {
			o->sets[o->n_sets++] = optarg;
		} else if (c == 'k') {
			o->check = true;
		} else if (c == 'p') {
			o->print = true;
		} else if (c == 'r') {
			print_routes();
			return false;
		} else if (c == 'h') {
			print_help();
			return false;
		} else if (c == 'v') {
			printf("mimd (Inlay) %s\n", INLAY_VERSION);
			return false;
		} else {
			*status = EXIT_CONFIGURATION;
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mimd: %s: mimd takes no arguments, see --help\n",
			argv[optind]);
		*status = EXIT_CONFIGURATION;
		return false;
	}
	return true;
}

/* One line: where, what. */
static void print_error(const struct error *e)
{
	fprintf(stderr, "mimd: %s%s%s\n", e->where, e->where[0] != '\0' ? ": " : "",
		e->message);
}

static struct settings *load_settings(const struct options *o,
				      struct error_list *errors,
				      struct error_list *warnings)
{
	size_t n;
	const struct setting *table = mim_settings_table(&n);
	struct settings *s = settings_load(table, n, o->config, errors, warnings);
	for (size_t i = 0; s != NULL && i < o->n_sets; i++) {
		struct error err;
		struct str text = str_of(o->sets[i]);
		size_t eq = str_find_char(text, '=');
		if (settings_set(s, str_slice(text, 0, eq),
				 str_slice(text, eq + 1, text.n), "--set", &err))
			continue;
		error_list_add_error(err.kind == ERROR_NOT_BUILT ? warnings : errors,
				     &err);
	}
	if (s != NULL)
		mim_settings_check(s, errors, warnings);
	return s;
}

static void set_level(void *ctx, struct str area, struct str value)
{
	struct log *log = ctx;
	enum log_level level;
	if (!str_eqz(area, "root") && log_level_parse(value, &level) &&
	    !log_set_area_level(log, area, level))
		log_warn(log, "mim", "too many or too long areas of logging.level");
}

static void find_root(void *ctx, struct str area, struct str value)
{
	if (str_eqz(area, "root"))
		log_level_parse(value, ctx);
}

static bool open_log(struct process *p, struct error *err)
{
	enum log_level level = LOG_INFO;
	settings_each(p->settings, "logging.level.*", find_root, &level);
	p->mim.log = log_open(settings_str(p->settings, "logging.file").p, level, err);
	if (p->mim.log == NULL)
		return false;
	settings_each(p->settings, "logging.level.*", set_level, p->mim.log);
	return true;
}

/* Seconds since the kernel started this process; `otherwise` where /proc is not
 * mounted. */
static double process_age(double otherwise)
{
	char text[1024];
	double age = otherwise;
	FILE *f = fopen("/proc/self/stat", "re");
	if (f == NULL)
		return otherwise;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	/* proc(5): field 22, counted behind the name, which may hold blanks */
	struct str rest = str_of(strrchr(text, ')')), field;
	uint64_t ticks;
	for (int i = 2; i <= 22 && str_next_part(&rest, ' ', &field); i++)
		if (i == 22 && str_to_u64(field, UINT64_MAX, &ticks))
			age = (double)clock_boot_ms() / 1000 -
			      (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return age > otherwise ? age : otherwise;
}

static bool open_store(struct process *p, struct error *err)
{
	struct mim *mim = &p->mim;
	char key[PATH_SIZE], token[PATH_SIZE];
	const struct store_options options = {
		.backend = mim_settings_store(p->settings).p,
		.directory = settings_str(p->settings, "inlay.data.directory").p,
		.map_size = (uint64_t)settings_int(p->settings, "inlay.data.map-size"),
		.log = mim->log,
	};
	if (!mim_settings_path(p->settings, "inlay.secrets.key-file", key,
			       sizeof key) ||
	    !mim_settings_path(p->settings, "inlay.tokens.first-file", token,
			       sizeof token))
		return error_set(err, ERROR_USAGE, "", "a path is too long");
	if (!store_open(&options, &mim->store, err) ||
	    !store_db_create(mim->store, STR(""), STR(""), &mim->system, err) ||
	    !master_key_open(key, mim->system, &p->key, err))
		return false;
	mim->master_key = &p->key;
	mim->tokens = tokens_open(mim, token, err);
	return mim->tokens != NULL;
}

static bool open_pools(struct process *p, struct error *err)
{
	struct mim *mim = &p->mim;
	const struct settings *s = p->settings;
	mim->metrics = metrics_new(routes_count());
	mim->router = router_new();
	const struct admission_limits limits = {
		.max_wait_ms = settings_int(s, "inlay.overload.max-wait"),
		.most = {[ADMISSION_DECISION] =
				 (unsigned)settings_int(s, "inlay.overload.decisions"),
			 [ADMISSION_EVENTS] =
				 (unsigned)settings_int(s, "inlay.overload.events")},
	};
	mim->admission = admission_new(&limits);
	if (mim->metrics == NULL || mim->router == NULL || mim->admission == NULL)
		return error_set(err, ERROR_MEMORY, "", "no memory for the routes");
	mim->workers = workers_new(
		"mimd-worker", (unsigned)settings_int(s, "inlay.workers.threads"),
		(size_t)settings_int(s, "inlay.workers.queue"), WORKERS_PROMPT, err);
	if (mim->workers == NULL)
		return false;
	mim->jobs = workers_new("mimd-job",
				(unsigned)settings_int(s, "inlay.import.threads"),
				JOBS_QUEUED_MAX, WORKERS_PROMPT, err);
	/* never refused for want of room: admission has counted the batches */
	mim->events =
		workers_new("mimd-events", 1,
			    limits.most[ADMISSION_EVENTS] * (1 + EVENT_BATCH_LANES),
			    WORKERS_PATIENT, err);
	mim->outside = workers_new("mimd-outside", OUTSIDE_THREADS, OUTSIDE_QUEUED_MAX,
				   WORKERS_PROMPT, err);
	mim->tenants = tenants_new(mim, err);
	return mim->jobs != NULL && mim->events != NULL && mim->outside != NULL &&
	       mim->tenants != NULL;
}

/* The store is opened before the listeners, so that a second mimd on the same data
 * ends here; tenants after them, so that health can be asked meanwhile. */
static bool start(struct process *p, struct error *err)
{
	struct mim *mim = &p->mim;
	mim->not_ready = "tenants and campaigns are being read";
	if (!open_pools(p, err) || !open_store(p, err))
		return false;
	p->api = server_start_api(mim, err);
	if (p->api == NULL || !server_start_public(mim, &p->public, err) ||
	    !tenants_load(mim->tenants, err))
		return false;
	p->due = due_worker_start(mim, err);
	if (p->due == NULL)
		return false;
	mim->deliver = deliver_start(mim, err);
	if (mim->deliver == NULL)
		return false;
	imports_resume(mim);
	mim->not_ready = NULL;
	double took = (double)(clock_mono_us() - mim->started_us) / 1e6;
	log_info(mim->log, "mim", "listening  address=%s port=%u",
		 settings_str(p->settings, "server.address").p, server_port(p->api));
	if (p->public != NULL)
		log_info(mim->log, "mim",
			 "listening for the public  address=%s port=%u",
			 settings_str(p->settings, "inlay.public.address").p,
			 server_port(p->public));
	log_info(mim->log, "mim",
		 "Started MIMApplication in %.3f seconds (process running for %.3f)",
		 took, process_age(took));
	return true;
}

static void stop(struct process *p)
{
	struct mim *mim = &p->mim;
	mim->stopping = true;
	if (mim->tenants != NULL)
		tenants_end_waits(mim->tenants);
	server_stop(p->public);
	server_stop(p->api);
	due_worker_stop(p->due);
	deliver_stop(mim->deliver);
	workers_free(mim->workers);
	workers_free(mim->jobs);
	workers_free(mim->events);
	workers_free(mim->outside);
	tenants_free(mim->tenants);
	tokens_close(mim->tokens);
	if (mim->system != NULL)
		store_db_close(mim->system);
	if (mim->store != NULL)
		store_close(mim->store);
	metrics_free(mim->metrics);
	router_free(mim->router);
	admission_free(mim->admission);
	crypto_wipe(&p->key, sizeof p->key);
}

static void wait_for_end(struct process *p)
{
	struct error err;
	int sig;
	for (;;) {
		if (sigwait(&p->signals, &sig) != 0)
			continue;
		if (sig != SIGHUP)
			break;
		if (log_reopen(p->mim.log, &err))
			log_info(p->mim.log, "mim", "log opened anew");
		else
			log_error(p->mim.log, "mim", "%s: %s", err.where, err.message);
	}
	log_info(p->mim.log, "mim", "stopping  signal=%s", sigabbrev_np(sig));
}

static int run(struct process *p, const struct error_list *warnings)
{
	struct error err = {0};
	if (!open_log(p, &err)) {
		print_error(&err);
		return EXIT_CONFIGURATION;
	}
	for (size_t i = 0; i < warnings->n; i++)
		log_warn(p->mim.log, "mim", "%s: %s", warnings->items[i].where,
			 warnings->items[i].message);
	log_info(p->mim.log, "mim", "starting  version=%s store=%s pid=%ld",
		 INLAY_VERSION, mim_settings_store(p->settings).p, (long)getpid());
	bool ok = start(p, &err);
	if (ok)
		wait_for_end(p);
	else
		log_error(p->mim.log, "mim", "cannot start: %s%s%s", err.where,
			  err.where[0] != '\0' ? ": " : "", err.message);
	if (!ok && settings_str(p->settings, "logging.file").p != NULL)
		print_error(&err); /* whoever typed the command looks here */
	stop(p);
	log_info(p->mim.log, "mim", "ended");
	log_close(p->mim.log);
	return ok ? EXIT_SUCCESS : error_kind_info(err.kind)->exit_code;
}

static int report(const struct options *o, const struct settings *s,
		  const struct error_list *errors, const struct error_list *warnings)
{
	for (size_t i = 0; i < errors->n; i++)
		print_error(&errors->items[i]);
	if (!error_list_empty(errors) || s == NULL)
		return EXIT_CONFIGURATION;
	if (o->check) {
		for (size_t i = 0; i < warnings->n; i++)
			print_error(&warnings->items[i]);
		printf("mimd: %s: the settings are fine\n", o->config);
	}
	if (o->print) {
		struct buf text;
		buf_init(&text, 1 << 20);
		settings_print(s, &text);
		printf("%.*s", STR_ARG(buf_str(&text)));
		buf_free(&text);
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = {.config = SETTINGS_DEFAULT_FILE};
	struct error_list errors, warnings;
	struct process p = {.mim.started_us = clock_mono_us(),
			    .mim.started_ms = clock_real_ms()};
	int status;

	if (!read_options(argc, argv, &o, &status))
		return status;
	/* before any thread: they inherit it, and only main() waits for signals */
	sigemptyset(&p.signals);
	sigaddset(&p.signals, SIGTERM);
	sigaddset(&p.signals, SIGINT);
	sigaddset(&p.signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &p.signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(027);
	if (!crypto_init()) {
		fprintf(stderr, "mimd: libsodium cannot be used\n");
		return EXIT_FAILURE;
	}
	error_list_init(&errors, MAX_ERRORS);
	error_list_init(&warnings, MAX_ERRORS);
	p.settings = load_settings(&o, &errors, &warnings);
	p.mim.settings = p.settings;
	status = report(&o, p.settings, &errors, &warnings);
	if (status == EXIT_SUCCESS && !o.check && !o.print)
		status = run(&p, &warnings);
	settings_free(p.settings);
	error_list_free(&errors);
	error_list_free(&warnings);
	return status;
}
