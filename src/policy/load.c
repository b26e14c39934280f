/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules_parse.h"

extern const char policy_default_text[]; /* rules/default.rules, see policy.cmake */

void policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	arena_free(&p->arena);
	free(p->rule);
	free(p);
}

static void parser_run(struct parser *p, const char *text, size_t len)
{
	void *scanner = rules_scan_open(p, text, len);

	if (scanner == NULL) {
		parser_error(p, p->here, "out of memory");
		return;
	}
	rules_yyparse(scanner, p);
	rules_scan_close(scanner);
}

static struct policy *parse_bytes(const char *text, size_t len, const char *name, FILE *errors)
{
	struct policy *policy = calloc(1, sizeof *policy);
	struct parser p = {
		.policy = policy, .errors = errors, .here = { 1, 1 }, .line_empty = true, .text = "",
	};

	if (policy == NULL)
		return NULL;
	policy->threshold[policy->n_thresholds++] = REPORT_BITS;
	policy->threshold[policy->n_thresholds++] = ACT_BITS;
	p.file = name;
	p.file = parser_text(&p, name, strlen(name));
	sets_defaults(&p);
	parser_run(&p, text, len);
	free(p.item);
	if (p.n_errors > ERRORS_MAX && errors != NULL)
		fprintf(errors, "%s: %u more errors\n", name, p.n_errors - ERRORS_MAX);
	if (p.n_errors > 0 || p.no_memory) {
		policy_free(policy);
		policy = NULL;
	}
	return policy;
}

struct policy *policy_parse(const char *text, const char *name, FILE *errors)
{
	size_t len = strlen(text);

	if (len > RULE_BYTES_MAX) {
		if (errors != NULL)
			fprintf(errors, "%s:1:1: more than %u bytes of rules\n", name, RULE_BYTES_MAX);
		return NULL;
	}
	return parse_bytes(text, len, name, errors);
}

struct policy *policy_load(const char *path, FILE *errors)
{
	struct policy *policy = NULL;
	char *text = NULL;
	const char *why = NULL;
	FILE *f = fopen(path, "re");
	size_t len = 0;

	if (f == NULL || (text = malloc(RULE_BYTES_MAX + 1)) == NULL) {
		why = strerror(errno);
		goto out;
	}
	len = fread(text, 1, RULE_BYTES_MAX + 1, f);
	if (ferror(f))
		why = strerror(errno);
	else if (len > RULE_BYTES_MAX)
		why = "too large for a rule file";
	else
		policy = parse_bytes(text, len, path, errors);
out:
	if (why != NULL && errors != NULL)
		fprintf(errors, "%s: %s\n", path, why);
	free(text);
	if (f != NULL)
		fclose(f);
	return policy;
}

struct policy *policy_default(void)
{
	return policy_parse(policy_default_text, "rules/default.rules", stderr);
}
