/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of interfaces, routing, users and files. */
#include <inttypes.h>
#include <string.h>

#include "doctor/look.h"

void look_forwarding(const struct doctor *d, struct finding *f)
{
	uint64_t v4 = 0, v6 = 0;

	(void)doctor_number(d, "/proc/sys/net/ipv4/ip_forward", &v4);
	(void)doctor_number(d, "/proc/sys/net/ipv6/conf/all/forwarding", &v6);
	if (v4 != 0 && v6 != 0) {
		finding_say(f, HEALTH_OK, "IPv4 and IPv6");
	} else if (v4 != 0 || v6 != 0) {
		finding_say(f, HEALTH_OK, "only %s", v4 != 0 ? "IPv4" : "IPv6");
	} else {
		finding_say(f, HEALTH_WARN, "this machine forwards nothing");
		finding_advise(f, "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1, or squelch-hook add --local");
	}
}

static void note_bridge(const struct doctor *d, const char *name, void *arg)
{
	char path[128];
	uint64_t n;

	snprintf(path, sizeof path, "/sys/class/net/%.64s/bridge/forward_delay", name);
	if (doctor_number(d, path, &n))
		names_add(arg, name);
}

void look_bridges(const struct doctor *d, struct finding *f)
{
	struct names bridges = { 0 };
	uint64_t called = 0;

	doctor_interfaces(d, note_bridge, &bridges);
	(void)doctor_number(d, "/proc/sys/net/bridge/bridge-nf-call-iptables", &called);
	if (bridges.n == 0) {
		finding_say(f, HEALTH_OK, "none");
	} else if (called != 0) {
		finding_say(f, HEALTH_OK, "%s: bridged traffic passes the firewall too", names_text(&bridges));
	} else {
		finding_say(f, HEALTH_WARN, "%s: what only crosses a bridge is not seen", names_text(&bridges));
		finding_advise(f, "if it should be: modprobe br_netfilter, sysctl -w net.bridge.bridge-nf-call-iptables=1");
	}
}

static bool strict(const struct doctor *d, const char *name)
{
	char path[128];
	uint64_t n = 0;

	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%.64s/rp_filter", name);
	return doctor_number(d, path, &n) && n == 1;
}

static void note_strict(const struct doctor *d, const char *name, void *arg)
{
	if (strict(d, name))
		names_add(arg, name);
}

/* The larger of "all" and the interface's own value counts (Linux, ip-sysctl): 1 strict, 2 loose. */
void look_reverse_path(const struct doctor *d, struct finding *f)
{
	struct names who = { 0 };

	doctor_interfaces(d, note_strict, &who);
	if (who.n == 0 && !strict(d, "all")) {
		finding_say(f, HEALTH_OK, "packets may come back on another interface");
		return;
	}
	finding_say(f, HEALTH_WARN, "strict (rp_filter=1) on %s", strict(d, "all") ? "all" : names_text(&who));
	finding_advise(f, "with more than one way out the kernel drops answers before squelch sees them: use 2");
}

struct merging { struct names lro, merged; };

static void note_offloads(const struct doctor *d, const char *name, void *arg)
{
	struct merging *m = arg;
	struct offloads o;

	if (!d->offloads(name, &o))
		return;
	if (o.lro)
		names_add(&m->lro, name);
	if (o.gro || o.tso)
		names_add(&m->merged, name);
}

void look_offloads(const struct doctor *d, struct finding *f)
{
	struct merging m = { 0 };

	doctor_interfaces(d, note_offloads, &m);
	if (m.lro.n != 0) {
		finding_say(f, HEALTH_WARN, "LRO on %s: it merges packets beyond repair", names_text(&m.lro));
		finding_advise(f, "ethtool -K INTERFACE lro off");
	} else if (m.merged.n != 0) {
		finding_say(f, HEALTH_OK, "TCP packets come merged on %s, as block expects", names_text(&m.merged));
		finding_advise(f, "watch sees single packets after ethtool -K INTERFACE gro off gso off tso off");
	} else {
		finding_say(f, HEALTH_OK, "none that merge packets");
	}
}

void look_user(const struct doctor *d, struct finding *f)
{
	if (d->user_exists(d->user)) {
		finding_say(f, HEALTH_OK, "%s is there for the workers", d->user);
		return;
	}
	finding_say(f, HEALTH_WARN, "there is no user %s: the workers would run as nobody", d->user);
	finding_advise(f, "systemd-sysusers, or useradd --system --no-create-home --shell /usr/sbin/nologin %s", d->user);
}

void look_time_zones(const struct doctor *d, struct finding *f)
{
	FILE *zone = doctor_open(d, "/usr/share/zoneinfo/Europe/Paris");
	char magic[4] = "";
	bool there = zone != NULL && fread(magic, 1, sizeof magic, zone) == sizeof magic &&
	             memcmp(magic, "TZif", sizeof magic) == 0; /* RFC 8536, 3.1 */

	if (zone != NULL)
		fclose(zone);
	if (there) {
		finding_say(f, HEALTH_OK, "rules may name them");
		return;
	}
	finding_say(f, HEALTH_WARN, "no database: rules with `during` in a zone will not load");
	finding_advise(f, "install tzdata");
}
