/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/common.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "detect/detect.h"
#include "detect/ndpi.h"

#define EVE_MODE 0640 /* events name people */

#define AT(member) offsetof(struct common_conf, member)
#define JUDGE_ROWS \
	{ "rules", 'R', OPTION_TEXT, "FILE", AT(rules), "rules (default: alert on calls), see squelch.rules(5)" }, \
	{ "detect", 0, OPTION_TEXT, "LIST", AT(detect), "only these detectors (a,b) or all but some (-a,-b)" }, \
	{ "ndpi", 0, OPTION_TEXT, "WHEN", AT(ndpi), "ask libnDPI for names: off, evidence, all" }, \
	{ "report-bits", 0, OPTION_BITS, "BITS", AT(report_bits), "evidence from which a class is reported (10)" }, \
	{ "act-bits", 0, OPTION_BITS, "BITS", AT(act_bits), "evidence from which rules act on a class (16)" }, \
	{ "max-flows", 0, OPTION_UINT, "N", AT(max_flows), "flows tracked at one time (1048576)" }, \
	{ "watch-memory", 0, OPTION_UINT, "MIB", AT(watch_mib), "memory for watching flows (256)" }

const struct option_row common_judge_rows[] = { JUDGE_ROWS, { 0 } };

const struct option_row common_rows[] = {
	JUDGE_ROWS,
	{ "eve", 0, OPTION_TEXT, "FILE", AT(eve), "write events as JSON lines; - is standard output" },
	{ "redact", 0, OPTION_FLAG, NULL, AT(redact), "write identities of callers as keyed hashes" },
	{ "sensor", 0, OPTION_TEXT, "NAME", AT(sensor), "name of this sensor in events" },
	{ 0 },
};

struct common_conf common_defaults(const char *command, const char *ndpi)
{
	return (struct common_conf){
		.command = command, .ndpi = ndpi, .report_bits = REPORT_BITS, .act_bits = ACT_BITS,
	};
}

/* Rows of one detector stand side by side: each is named once. */
static void say_unknown(const char *command, const char *bad)
{
	char names[512];
	size_t len = 0;

	for (unsigned i = 0; i < n_detectors && len < sizeof names; i++)
		if (i == 0 || strcmp(detectors[i].name, detectors[i - 1].name) != 0)
			len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i == 0 ? "" : ", ", detectors[i].name);
	log_warnx(command, "--detect: no detector is called \"%s\"; there are %s", bad, names);
}

bool common_engine(const struct common_conf *c, struct engine_conf *e)
{
	char bad[32];

	if (c->max_flows != 0)
		e->max_flows = c->max_flows;
	if (c->watch_mib != 0) {
		e->watch_bytes = (size_t)c->watch_mib << 20;
		e->watch_bytes_per_host = e->watch_bytes / 8;
	}
	e->report_bits = c->report_bits;
	e->act_bits = c->act_bits;
	if (!detect_select(c->detect, &e->detectors, bad)) {
		say_unknown(c->command, bad);
		return false;
	}
	if (!ndpi_mode_find(c->ndpi, &e->ndpi)) {
		log_warnx(c->command, "--ndpi: off, evidence or all, not \"%s\"", c->ndpi);
		return false;
	}
	return true;
}

struct policy *common_policy(const struct common_conf *c)
{
	struct policy *policy = c->rules != NULL ? policy_load(c->rules, stderr) : policy_default();

	if (policy != NULL)
		policy_set_act_bits(policy, c->act_bits);
	return policy;
}

/* --- the file of events --- */

bool common_eve_is_stdout(const struct common_conf *c)
{
	return c->eve != NULL && strcmp(c->eve, "-") == 0;
}

static int open_append(const struct common_conf *c)
{
	int fd = open(c->eve, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, EVE_MODE);

	if (fd < 0)
		log_warn(c->command, "%s", c->eve);
	return fd;
}

bool common_open_eve(const struct common_conf *c, enum common_eve how, FILE **eve)
{
	int fd;

	*eve = NULL;
	if (c->eve == NULL)
		return true;
	if (common_eve_is_stdout(c)) {
		*eve = stdout;
		return true;
	}
	if (how == COMMON_EVE_ANEW) {
		*eve = fopen(c->eve, "we");
		if (*eve == NULL)
			log_warn(c->command, "%s", c->eve);
		return *eve != NULL;
	}
	fd = open_append(c);
	if (fd < 0)
		return false;
	*eve = fdopen(fd, "a");
	if (*eve == NULL)
		close(fd);
	return *eve != NULL;
}

bool common_close_eve(const struct common_conf *c, FILE *eve)
{
	if (eve == NULL || eve == stdout || fclose(eve) == 0)
		return true;
	log_warn(c->command, "%s", c->eve);
	return false;
}
