/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch doctor on machines described here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor/doctor.h"

#include <errno.h>

static char root[64];
static int probe_error[PROBES];
static const char *iptables, *ip6tables, *nft;
static struct offloads offloads;

static int probe(enum probe p) { return probe_error[p]; }
static bool offloads_of(const char *name, struct offloads *o) { (void)name; *o = offloads; return true; }
static bool user_exists(const char *name) { return strcmp(name, "squelch") == 0; }

static char *listing(const char *tool)
{
	const char *text = strcmp(tool, "iptables-save") == 0 ? iptables :
	                   strcmp(tool, "ip6tables-save") == 0 ? ip6tables : nft;

	return text == NULL ? NULL : strdup(text);
}

static struct doctor machine(void)
{
	return (struct doctor){
		.root = root, .user = "squelch", .mark_mask = 0x7f000000,
		.probe = probe, .listing = listing, .offloads = offloads_of, .user_exists = user_exists,
	};
}

/* A file under the root, folders and all. */
static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof full, "%s%s", root, path);
	for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')) != NULL; s++) {
		*s = '\0';
		(void)mkdir(full, 0700);
		*s = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void lead_to(const char *path, const char *target)
{
	char full[256];

	snprintf(full, sizeof full, "%s%s", root, path);
	(void)unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

static struct finding look(const char *name)
{
	struct doctor d = machine();
	struct finding f = { .health = HEALTH_OK };

	for (const struct check *c = doctor_checks; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0) {
			c->look(&d, &f);
			assert_true(f.text[0] != '\0');
			/* What is not well comes with something to do. */
			assert_true(f.health != HEALTH_BAD || f.advice[0] != '\0');
			return f;
		}
	fail_msg("no check is called %s", name);
	return f;
}

static void check(const char *name, enum health want, const char *words)
{
	struct finding f = look(name);

	if (f.health != want || strstr(f.text, words) == NULL)
		fail_msg("%s: %d \"%s\", want %d and \"%s\"", name, f.health, f.text, want, words);
}

static int healthy(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/test_doctor.XXXXXX");
	assert_non_null(mkdtemp(root));
	memset(probe_error, 0, sizeof probe_error);
	offloads = (struct offloads){ 0 };
	iptables = ip6tables =
	    "*mangle\n:FORWARD ACCEPT [0:0]\n"
	    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n"
	    "-A FORWARD -m comment --comment squelch -j SQUELCH_FORWARD\n"
	    "-A SQUELCH_ASK -j CONNMARK --restore-mark --nfmask 0x7f000000 --ctmask 0x7f000000\nCOMMIT\n"
	    "*filter\n-A FORWARD -m comment --comment squelch -j SQUELCH_FORWARD\n-A FORWARD -j ACCEPT\nCOMMIT\n";
	nft = "table inet own {\n\tchain x {\n\t\ttcp dport 22 accept\n\t}\n}\n";
	put("/proc/self/status", "Name:\tsquelch\nCapEff:\t000001ffffffffff\n");
	put("/proc/sys/net/netfilter/nf_conntrack_max", "65536\n");
	put("/proc/sys/net/netfilter/nf_conntrack_count", "120\n");
	put("/proc/net/netfilter/nfnetlink_queue", "    0   4711     0 2 65531     0     0       12  1\n");
	put("/proc/sys/net/ipv4/ip_forward", "1\n");
	put("/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
	put("/proc/sys/net/ipv4/conf/eth0/rp_filter", "0\n");
	put("/sys/class/net/eth0/mtu", "1500\n");
	put("/sys/class/net/lo/mtu", "65536\n");
	put("/usr/share/zoneinfo/Europe/Paris", "TZif2");
	return 0;
}

static int clean(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", root);
	return system(command);
}

static void all_is_well(void **state)
{
	struct doctor d = machine();
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(doctor_run(&d, out), HEALTH_OK);
	fclose(out);
	assert_null(strstr(text, "warn"));
	assert_non_null(strstr(text, "ok    tracking table: 120 of 65536 connections\n"));
	free(text);
}

static void worst_counts(void **state)
{
	struct doctor d = machine();
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	put("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n");
	assert_int_equal(doctor_run(&d, out), HEALTH_WARN);
	probe_error[PROBE_NFQUEUE] = EINVAL;
	assert_int_equal(doctor_run(&d, out), HEALTH_BAD);
	fclose(out);
}

static void privileges(void **state)
{
	(void)state;
	put("/proc/self/status", "CapEff:\t0000000000003000\n"); /* NET_ADMIN and NET_RAW */
	check("privileges", HEALTH_BAD, "CAP_SETUID");
	put("/proc/self/status", "CapEff:\t0000000000000000\n");
	check("privileges", HEALTH_BAD, "CAP_NET_ADMIN");
	put("/proc/self/status", "CapEff:\t00000000000010c0\n");
	check("privileges", HEALTH_OK, "enough");
}

static void kernel_answers(void **state)
{
	(void)state;
	probe_error[PROBE_NFQUEUE] = EPERM;
	check("packet queues", HEALTH_WARN, "not allowed");
	probe_error[PROBE_NFQUEUE] = EOPNOTSUPP;
	check("packet queues", HEALTH_BAD, "no NFQUEUE");
	probe_error[PROBE_CTNETLINK] = EINVAL;
	check("connection tracking", HEALTH_BAD, "tracked connections");
	probe_error[PROBE_TARGET_CONNMARK] = probe_error[PROBE_MATCH_CONNTRACK] = probe_error[PROBE_MATCH_CONNMARK] = ENOENT;
	check("firewall", HEALTH_WARN, "CONNMARK, conntrack, connmark");
	probe_error[PROBE_TARGET_NFQUEUE] = EPERM;
	check("firewall", HEALTH_WARN, "not allowed");
}

static void tracking_table(void **state)
{
	static const struct { const char *n; enum health want; } cases[] = {
		{ "32000", HEALTH_OK }, { "40000", HEALTH_WARN }, { "60000", HEALTH_BAD }, { "65536", HEALTH_BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put("/proc/sys/net/netfilter/nf_conntrack_count", cases[i].n);
		check("tracking table", cases[i].want, cases[i].n);
	}
	put("/proc/sys/net/netfilter/nf_conntrack_max", "");
	check("tracking table", HEALTH_WARN, "not tracked");
}

static void queues(void **state)
{
	(void)state;
	put("/proc/4711/comm", "suricata\n");
	put("/proc/net/netfilter/nfnetlink_queue",
	    "    0   4711     0 2 65531     0     0       12  1\n    7   99     0 2 65531     0     0       12  1\n");
	check("queues in use", HEALTH_OK, "0 (suricata), 7 (port 99)");
	put("/proc/815/comm", "squelch\n");
	put("/proc/815/fd/3", "");
	put("/proc/net/netlink",
	    "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
	    "00000000a1b2c3d4 9   99         00000000 0        0        0     2        0        1233\n"
	    "00000000a1b2c3d5 12  99         00000000 0        0        0     2        0        1234\n");
	lead_to("/proc/815/fd/4", "socket:[1234]");
	check("queues in use", HEALTH_OK, "0 (suricata), 7 (squelch)");
	put("/proc/net/netfilter/nfnetlink_queue", "    0   4711     0 2 65531    30     4       12  1\n");
	check("queues in use", HEALTH_WARN, "full queue: 34");
	put("/proc/net/netfilter/nfnetlink_queue", "nonsense\n");
	check("queues in use", HEALTH_OK, "free");
}

static void hook(void **state)
{
	(void)state;
	put("/proc/net/netfilter/nfnetlink_queue", "");
	check("firewall rules", HEALTH_WARN, "it passes unjudged");
	iptables = "*mangle\n-A FORWARD -j SQUELCH_FORWARD\n-A SQUELCH_ASK -p tcp -j NFQUEUE --queue-num 1\n"
	           "*filter\n-A FORWARD -j SQUELCH_FORWARD\n";
	check("firewall rules", HEALTH_BAD, "it is dropped");
	iptables = ip6tables;
	put("/proc/net/netfilter/nfnetlink_queue", "    0   4711     0 2 65531     0     0       12  1\n");
	check("firewall rules", HEALTH_OK, "lead traffic");
	ip6tables = "*mangle\nCOMMIT\n";
	check("firewall rules", HEALTH_WARN, "only IPv4");
	ip6tables = iptables;
	iptables = "*mangle\n-A FORWARD -j SQUELCH_FORWARD\n-A FORWARD -p tcp -j TCPMSS --set-mss 1400\n"
	           "*filter\n-A FORWARD -j SQUELCH_FORWARD\n";
	check("firewall rules", HEALTH_WARN, "1 after");
	iptables = "*mangle\n-A FORWARD -j SQUELCH_FORWARD\n"
	           "*filter\n-A FORWARD -m state --state ESTABLISHED -j ACCEPT\n-A FORWARD -j SQUELCH_FORWARD\n";
	check("firewall rules", HEALTH_BAD, "1 accept");
	iptables = ip6tables = NULL;
	check("firewall rules", HEALTH_WARN, "none");
	nft = NULL;
	check("firewall rules", HEALTH_WARN, "could be read");
	check("flow tables", HEALTH_WARN, "could be read");
	nft = "table inet squelch {\n\tchain ask {\n\t\tmeta l4proto udp queue flags bypass to 0\n\t}\n}\n";
	check("firewall rules", HEALTH_OK, "lead");
}

static void marks(void **state)
{
	/* The bits a line touches, beside ours, 0x7f000000. */
	static const struct { const char *line; enum health want; } cases[] = {
		{ "-A PREROUTING -j MARK --set-xmark 0x1/0xff", HEALTH_OK },
		{ "-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff", HEALTH_BAD },
		{ "-A PREROUTING -j MARK --set-xmark 0x1000000/0x1000000", HEALTH_BAD },
		{ "-A PREROUTING -m mark --mark 0x5 -j ACCEPT", HEALTH_BAD }, /* compares all bits */
		{ "-A PREROUTING -m mark --mark 0x5/0xff -j ACCEPT", HEALTH_OK },
		{ "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", HEALTH_BAD },
		{ "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", HEALTH_OK },
		{ "-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff", HEALTH_BAD },
		{ "-A SQUELCH_DO -j CONNMARK --set-xmark 0x1000000/0x7f000000", HEALTH_OK },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "*mangle\n%s\nCOMMIT\n", cases[i].line);
		iptables = text;
		check("marks of others", cases[i].want, cases[i].want == HEALTH_OK ? "none" : "1 rules");
	}
	iptables = NULL;
	nft = "table inet vpn {\n\tchain x {\n\t\tmeta mark set 0x00000001\n\t}\n}\n";
	check("marks of others", HEALTH_BAD, "inet vpn");
	nft = "table inet vpn {\n\tchain x {\n\t\tmeta mark set meta mark and 0xffffff00 or 0x00000001\n\t}\n}\n";
	check("marks of others", HEALTH_OK, "none");
	nft = "table inet squelch {\n\tchain x {\n\t\tct mark set ct mark and 0x80ffffff or 0x01000000\n\t}\n}\n";
	check("marks of others", HEALTH_OK, "none");
	nft = ip6tables = NULL;
	check("marks of others", HEALTH_WARN, "could be read");
}

static void flow_tables(void **state)
{
	(void)state;
	nft = "table inet fast {\n\tflowtable f {\n\t\thook ingress priority 0\n\t}\n"
	      "\tchain y {\n\t\tip protocol tcp flow add @f\n\t}\n}\n";
	check("flow tables", HEALTH_BAD, "flow add @f");
	nft = NULL;
	check("flow tables", HEALTH_OK, "none");
}

static void host(void **state)
{
	(void)state;
	put("/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
	check("forwarding", HEALTH_OK, "only IPv4");
	put("/proc/sys/net/ipv4/ip_forward", "0\n");
	check("forwarding", HEALTH_WARN, "nothing");
	put("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n");
	check("reverse path", HEALTH_WARN, "eth0");
	put("/proc/sys/net/ipv4/conf/eth0/rp_filter", "2\n");
	check("reverse path", HEALTH_OK, "another");
	put("/sys/class/net/br0/bridge/forward_delay", "1500\n");
	check("bridges", HEALTH_WARN, "br0");
	put("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
	check("bridges", HEALTH_OK, "br0");
	offloads.gro = true;
	check("offloads", HEALTH_OK, "merged on");
	offloads.lro = true;
	check("offloads", HEALTH_WARN, "LRO on");
	put("/usr/share/zoneinfo/Europe/Paris", "rubbish");
	check("time zones", HEALTH_WARN, "no database");
}

static void no_user(void **state)
{
	struct doctor d = machine();
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	d.user = "nobody-such";
	assert_int_equal(doctor_run(&d, out), HEALTH_WARN);
	fclose(out);
	assert_non_null(strstr(text, "warn  user: there is no user nobody-such"));
	free(text);
}

/* Forty interfaces: the line stays a line. */
static void long_lists(void **state)
{
	struct finding f;
	char path[128];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/interface%02d/rp_filter", i);
		put(path, "1\n");
		snprintf(path, sizeof path, "/sys/class/net/interface%02d/mtu", i);
		put(path, "1500\n");
	}
	f = look("reverse path");
	assert_non_null(strstr(f.text, " more"));
	assert_true(strlen(f.text) < FINDING_TEXT - 1);
}

/* Whatever the kernel of this machine says, asking must not hang or crash. */
static void here(void **state)
{
	struct doctor d = doctor_here("root", 0x7f000000);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	(void)doctor_run(&d, out);
	fclose(out);
	assert_non_null(strstr(text, "ok    user: root"));
	free(text);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, healthy, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_well), TEST(worst_counts), TEST(privileges), TEST(kernel_answers), TEST(tracking_table),
		TEST(queues), TEST(hook), TEST(marks), TEST(flow_tables), TEST(host), TEST(no_user), TEST(long_lists),
		TEST(here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
