/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <assert.h>

static const struct option_info options[] = {
#define X(name, text, value, help) {text, value, help},
	CLI_OPTIONS(X)
#undef X
};

static const struct command commands[] = {
#define X(fn, words, arguments, options, help) {words, arguments, options, help, fn},
	CLI_COMMANDS(X)
#undef X
};
#define COMMANDS (sizeof commands / sizeof *commands)

_Static_assert(OPTIONS_COUNT <= 32, "options are bits of an unsigned");

const struct option_info *option_info(enum cli_option o)
{
	assert((unsigned)o < OPTIONS_COUNT);
	return &options[o];
}

size_t commands_count(void)
{
	return COMMANDS;
}

const struct command *commands_at(size_t i)
{
	assert(i < COMMANDS);
	return &commands[i];
}

static struct str first_word(const char *words, struct str *second)
{
	struct str all = str_of(words);
	size_t n = str_find_char(all, ' ');
	*second = n < all.n ? str_slice(all, n + 1, all.n) : (struct str){NULL, 0};
	return str_slice(all, 0, n);
}

const struct command *commands_find(const char *first, const char *second, size_t *used)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		struct str two, one = first_word(commands[i].words, &two);
		if (!str_eqz(one, first))
			continue;
		if (two.p == NULL || (second != NULL && str_eqz(two, second))) {
			*used = two.p == NULL ? 1 : 2;
			return &commands[i];
		}
	}
	return NULL;
}

bool commands_is_group(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		struct str two, one = first_word(commands[i].words, &two);
		if (two.p != NULL && str_eqz(one, word))
			return true;
	}
	return false;
}

#define WORD_MAX 40

/* Edit distance (insert, delete, replace), of words up to WORD_MAX. */
static size_t distance(struct str a, struct str b)
{
	size_t row[WORD_MAX + 1];
	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return WORD_MAX;
	for (size_t k = 0; k <= b.n; k++)
		row[k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= b.n; k++) {
			size_t best = diagonal + (a.p[i - 1] != b.p[k - 1]);
			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[b.n];
}

const char *commands_nearest(const char *first, const char *second)
{
	const char *nearest = NULL;
	size_t least = 3; /* more than two slips are another word */
	for (size_t i = 0; i < COMMANDS; i++) {
		struct str two, one = first_word(commands[i].words, &two);
		size_t d = distance(one, str_of(first));
		if (two.p != NULL && second != NULL)
			d += distance(two, str_of(second));
		if (d < least) {
			least = d;
			nearest = commands[i].words;
		}
	}
	return nearest;
}

void command_arity(const struct command *c, size_t *least, size_t *most)
{
	struct str rest = str_of(c->arguments), word;
	*least = *most = 0;
	while (rest.n > 0 && str_next_part(&rest, ' ', &word)) {
		*most += 1;
		*least += word.p[0] != '[';
	}
}

bool command_takes(const struct command *c, enum cli_option o)
{
	return ((OPTIONS_EVERYWHERE | c->options) & (1u << o)) != 0;
}
