/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/doctor.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/look.h"

const struct check doctor_checks[] = {
	{ "privileges", look_privileges },
	{ "packet queues", look_nfqueue },
	{ "firewall", look_targets },
	{ "connection tracking", look_ctnetlink },
	{ "tracking table", look_conntrack_size },
	{ "queues in use", look_queues },
	{ "firewall rules", look_hook },
	{ "marks of others", look_marks },
	{ "flow tables", look_flowtables },
	{ "forwarding", look_forwarding },
	{ "bridges", look_bridges },
	{ "reverse path", look_reverse_path },
	{ "offloads", look_offloads },
	{ "user", look_user },
	{ "time zones", look_time_zones },
	{ NULL, NULL },
};

static const char *const health_word[] = {
	[HEALTH_OK] = "ok", [HEALTH_WARN] = "warn", [HEALTH_BAD] = "bad",
};
_Static_assert(sizeof health_word / sizeof *health_word == HEALTH_BAD + 1, "a word for each");

enum health doctor_run(const struct doctor *d, FILE *out)
{
	enum health worst = HEALTH_OK;

	for (const struct check *c = doctor_checks; c->name != NULL; c++) {
		struct finding f = { .health = HEALTH_OK };

		c->look(d, &f);
		fprintf(out, "%-5s %s: %s\n", health_word[f.health], c->name, f.text);
		if (f.advice[0] != '\0')
			fprintf(out, "      %s\n", f.advice);
		if (f.health > worst)
			worst = f.health;
	}
	return worst;
}

/* --- this machine --- */

#define LISTING_MAX (8u << 20) /* bytes; a firewall of some 60,000 rules */

static char *listing_here(const char *tool)
{
	char command[128], *text = malloc(LISTING_MAX + 1);
	size_t n = 0;
	FILE *f;

	/* Only names from our own tables come here. */
	snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin; %s 2>/dev/null", tool);
	f = text == NULL ? NULL : popen(command, "re");
	if (f != NULL)
		n = fread(text, 1, LISTING_MAX, f);
	/* Nothing to list is an answer; an error, or no such tool, is none. */
	if (f == NULL || (pclose(f) != 0 && n == 0)) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static bool ethtool_value(int fd, struct ifreq *r, uint32_t command, uint32_t *value)
{
	struct ethtool_value v = { .cmd = command };

	r->ifr_data = (char *)&v;
	if (ioctl(fd, SIOCETHTOOL, r) != 0)
		return false;
	*value = v.data;
	return true;
}

static bool offloads_here(const char *interface, struct offloads *o)
{
	struct ifreq r = { 0 };
	uint32_t flags = 0, gro = 0, tso = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface);
	ok = ethtool_value(fd, &r, ETHTOOL_GFLAGS, &flags);
	ok = ethtool_value(fd, &r, ETHTOOL_GGRO, &gro) && ok;
	ok = ethtool_value(fd, &r, ETHTOOL_GTSO, &tso) && ok;
	close(fd);
	*o = (struct offloads){ (flags & ETH_FLAG_LRO) != 0, gro != 0, tso != 0 };
	return ok;
}

static bool user_here(const char *name)
{
	return getpwnam(name) != NULL;
}

struct doctor doctor_here(const char *user, uint32_t mark_mask)
{
	return (struct doctor){
		.root = "", .user = user, .mark_mask = mark_mask,
		.probe = doctor_probe, .listing = listing_here,
		.offloads = offloads_here, .user_exists = user_here,
	};
}
