/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of what the kernel can do, and of how much room it has. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>

#include "doctor/look.h"

static uint64_t capabilities(const struct doctor *d)
{
	FILE *f = doctor_open(d, "/proc/self/status");
	uint64_t caps = 0;
	char line[256];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	fclose(f);
	return caps;
}

void look_privileges(const struct doctor *d, struct finding *f)
{
	static const struct { unsigned bit; const char *name, *use; } needed[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "queues and the firewall" },
		{ CAP_SETUID, "CAP_SETUID", "workers as a user of their own" },
		{ CAP_SETGID, "CAP_SETGID", "workers as a user of their own" },
	};
	uint64_t caps = capabilities(d);

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		if ((caps & UINT64_C(1) << needed[i].bit) != 0)
			continue;
		finding_say(f, HEALTH_BAD, "%s is missing: %s", needed[i].name, needed[i].use);
		finding_advise(f, "run this, and squelch block, as root");
		return;
	}
	finding_say(f, HEALTH_OK, "enough to block");
}

/* True when the kernel said yes; says so when it would not answer. */
static bool answered(struct finding *f, int error, const char *what, const char *advice)
{
	if (error == 0)
		return true;
	if (error == EPERM || error == EACCES) {
		finding_say(f, HEALTH_WARN, "not allowed to ask the kernel");
		finding_advise(f, "run this as root");
	} else {
		finding_say(f, HEALTH_BAD, "the kernel has no %s", what);
		finding_advise(f, "%s", advice);
	}
	return false;
}

void look_nfqueue(const struct doctor *d, struct finding *f)
{
	if (answered(f, d->probe(PROBE_NFQUEUE), "NFQUEUE",
	             "load nfnetlink_queue, or use a kernel with CONFIG_NETFILTER_NETLINK_QUEUE"))
		finding_say(f, HEALTH_OK, "the kernel hands packets to programs");
}

void look_ctnetlink(const struct doctor *d, struct finding *f)
{
	if (answered(f, d->probe(PROBE_CTNETLINK), "access to tracked connections: what is live or passed for good could not be judged anew",
	             "load nf_conntrack_netlink, or use a kernel with CONFIG_NF_CT_NETLINK"))
		finding_say(f, HEALTH_OK, "marks of live connections can be cleared");
}

void look_targets(const struct doctor *d, struct finding *f)
{
	static const char *const names[PROBES] = {
		[PROBE_TARGET_NFQUEUE] = "NFQUEUE", [PROBE_TARGET_CONNMARK] = "CONNMARK",
		[PROBE_TARGET_REJECT] = "REJECT", [PROBE_MATCH_MARK] = "mark",
		[PROBE_MATCH_CONNTRACK] = "conntrack", [PROBE_MATCH_CONNMARK] = "connmark",
	};
	struct names missing = { 0 };

	for (int p = PROBE_TARGET_NFQUEUE; p < PROBES; p++) {
		int error = d->probe((enum probe)p);

		if (error == EPERM || error == EACCES) {
			answered(f, error, "", "");
			return;
		}
		if (error != 0)
			names_add(&missing, names[p]);
	}
	if (missing.n == 0) {
		finding_say(f, HEALTH_OK, "all matches and targets that squelch-hook uses");
		return;
	}
	finding_say(f, HEALTH_WARN, "not found for iptables-nft: %s", names_text(&missing));
	finding_advise(f, "load the xt_ modules of these names; with iptables-legacy see whether `squelch-hook add` works");
}

/* Of nf_conntrack_max; judgement. */
#define TABLE_WARN_PERCENT 50
#define TABLE_BAD_PERCENT  85

void look_conntrack_size(const struct doctor *d, struct finding *f)
{
	uint64_t max, n;

	if (!doctor_number(d, "/proc/sys/net/netfilter/nf_conntrack_max", &max) ||
	    !doctor_number(d, "/proc/sys/net/netfilter/nf_conntrack_count", &n)) {
		finding_say(f, HEALTH_WARN, "connections are not tracked yet");
		finding_advise(f, "`squelch-hook add` turns tracking on; look again after it");
		return;
	}
	finding_say(f, HEALTH_OK, "%" PRIu64 " of %" PRIu64 " connections", n, max);
	if (max == 0 || n < max / 100 * TABLE_WARN_PERCENT)
		return;
	f->health = n < max / 100 * TABLE_BAD_PERCENT ? HEALTH_WARN : HEALTH_BAD;
	finding_advise(f, "a full table makes the kernel drop packets: sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64,
	               max * 4);
}
