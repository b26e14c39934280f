/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Live capture in a network namespace of its own (needs root, else it is
 * skipped): stamps, ticks, order over two interfaces, filters, and interfaces
 * that go away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/source.h"

#define ETHERTYPE_TEST 0x88b5 /* IEEE 802, local experimental */
#define PATIENCE_NS    (5 * NS_PER_S)

static bool able;
static struct source *live;
static char error[SOURCE_ERROR_LEN];
static int sender = -1; /* kept: to close such a socket takes the kernel 10 ms */

static bool command(const char *text)
{
	return system(text) == 0;
}

/* Two pairs of interfaces: what is sent on n0 comes in on f0. */
static bool make_wires(void)
{
	return command("(sysctl -qw net.ipv6.conf.default.disable_ipv6=1 &&"
	    " for i in 0 1; do ip link add n$i type veth peer name f$i && ip link set n$i up &&"
	    " ip link set f$i up || exit 1; done) 2>/dev/null");
}

static int set_up_all(void **state)
{
	(void)state;
	able = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && make_wires();
	if (!able)
		print_message("skipped: needs root, network namespaces and veth\n");
	return 0;
}

#define NEEDS_NET() do { if (!able) skip(); } while (0)

static void open_live(const char *const *ifaces, unsigned n, const char *filter)
{
	live = source_live(&(struct live_conf){ .ifaces = ifaces, .n = n, .filter = filter,
		.snaplen = 262144, .buffer_mib = 32, .promiscuous = true }, error);
	if (live == NULL)
		print_message("%s\n", error);
	assert_non_null(live);
}

static int tear_down(void **state)
{
	(void)state;
	source_close(live);
	live = NULL;
	return 0;
}

static void transmit(const char *iface, uint8_t number, size_t len)
{
	uint8_t b[1500] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ETHERTYPE_TEST >> 8, ETHERTYPE_TEST & 0xff, number };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(iface), .sll_halen = 6 };

	if (sender < 0)
		sender = socket(AF_PACKET, SOCK_RAW, 0);
	assert_true(sender >= 0);
	assert_int_equal(sendto(sender, b, len, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)len);
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The next that is no tick; ticks are counted and must keep to time. */
static enum source_next next(struct frame *f, unsigned *ticks)
{
	static uint64_t last;
	uint64_t give_up = source_live_now(live) + PATIENCE_NS;
	enum source_next what;

	*ticks = 0;
	last = 0;
	while ((what = source_next(live, f)) == SOURCE_TICK) {
		assert_true(f->mono_ns >= last);
		last = f->mono_ns;
		++*ticks;
		assert_true(source_live_now(live) < give_up);
	}
	if (what == SOURCE_FRAME)
		assert_true(f->mono_ns >= last);
	return what;
}

static void a_frame_has_bytes_stamps_and_interface(void **state)
{
	static const char *const ifaces[] = { "f1", "f0" };
	uint64_t before, after;
	struct frame f;
	unsigned ticks;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 2, "ether proto 0x88b5");
	assert_string_equal(live->iface_names[1], "f1");
	assert_string_equal(live->iface_names[2], "f0");
	before = real_ns();
	transmit("n0", 7, 200);
	after = real_ns();
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.caplen, 200);
	assert_int_equal(f.len, 200);
	assert_int_equal(f.data[14], 7);
	assert_int_equal(f.iface, 2);
	assert_int_equal(f.number, 1);
	assert_int_equal(f.link, 1); /* DLT_EN10MB */
	assert_in_range(f.wall_ns, before, after);
}

static void a_snaplen_cuts_the_bytes_not_the_length(void **state)
{
	static const char *const ifaces[] = { "f0" };
	struct frame f;
	unsigned ticks;

	(void)state;
	NEEDS_NET();
	live = source_live(&(struct live_conf){ .ifaces = ifaces, .n = 1, .filter = "ether proto 0x88b5",
		.snaplen = 100, .buffer_mib = 4 }, error);
	assert_non_null(live);
	transmit("n0", 1, 300);
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.caplen, 100);
	assert_int_equal(f.len, 300);
}

static void a_filter_lets_only_its_own_through(void **state)
{
	static const char *const ifaces[] = { "f0", "f1" };
	struct frame f;
	unsigned ticks;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 2, "ether[14] = 9");
	for (uint8_t i = 0; i < 20; i++)
		transmit("n0", i, 60);
	transmit("n1", 9, 61);
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.len, 60);
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.len, 61);
}

/* A second of silence: ticks go on, about as many as TICK_NS says, and never run ahead of what may still come. */
static void silence_ticks(void **state)
{
	static const char *const ifaces[] = { "f0" };
	struct frame f;
	uint64_t begin, last = 0, wall = 0;
	unsigned n = 0;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 1, "ether proto 0x88b5");
	begin = source_live_now(live);
	while (source_live_now(live) < begin + NS_PER_S) {
		assert_int_equal(source_next(live, &f), SOURCE_TICK);
		assert_true(f.mono_ns >= last && f.wall_ns >= wall);
		assert_true(f.mono_ns < source_live_now(live));
		last = f.mono_ns;
		wall = f.wall_ns;
		n++;
	}
	assert_in_range(n, 6, 12);
	assert_true(real_ns() - wall < NS_PER_S);
}

/* Sent in turn on two interfaces, which libpcap hands over block by block. */
static void frames_of_two_interfaces_come_in_order(void **state)
{
	static const char *const ifaces[] = { "f0", "f1" };
	uint64_t last = 0;
	struct frame f;
	unsigned ticks;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 2, "ether proto 0x88b5");
	for (unsigned i = 0; i < 240; i++) {
		transmit(i / 3 % 2 == 0 ? "n0" : "n1", (uint8_t)i, 60);
		if (i % 4 == 0)
			usleep(10000);
	}
	for (unsigned i = 0; i < 240; i++) {
		assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
		assert_int_equal(f.data[14], i);
		assert_int_equal(f.iface, i / 3 % 2 + 1);
		assert_true(f.mono_ns >= last);
		last = f.mono_ns;
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Who waits for packets must hear of a signal to stop at once. */
static void a_signal_ends_the_wait(void **state)
{
	static const char *const ifaces[] = { "f0" };
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { 0, 20000 } };
	struct frame f;
	uint64_t begin;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 1, "ether proto 0x88b5");
	assert_int_equal(source_next(live, &f), SOURCE_TICK); /* now the next is 100 ms away */
	sigaction(SIGALRM, &sa, NULL);
	begin = source_live_now(live);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(source_next(live, &f), SOURCE_TICK);
	assert_true(source_live_now(live) - begin < 80 * NS_PER_MS);
}

/* One goes down with packets in its buffer, which come first; the other goes on, and when it is gone too it is the end. */
static void interfaces_that_go_away_are_errors(void **state)
{
	static const char *const ifaces[] = { "f0", "f1" };
	struct frame f;
	unsigned ticks;

	(void)state;
	NEEDS_NET();
	open_live(ifaces, 2, "ether proto 0x88b5");
	transmit("n0", 1, 60);
	assert_true(command("ip link set f0 down"));
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.data[14], 1);
	assert_int_equal(next(&f, &ticks), SOURCE_ERROR);
	assert_non_null(strstr(live->error, "f0: "));
	transmit("n1", 2, 60);
	assert_int_equal(next(&f, &ticks), SOURCE_FRAME);
	assert_int_equal(f.data[14], 2);
	assert_int_equal(f.iface, 2);
	assert_true(command("ip link del f1"));
	assert_int_equal(next(&f, &ticks), SOURCE_ERROR);
	assert_non_null(strstr(live->error, "f1: "));
	assert_int_equal(next(&f, &ticks), SOURCE_END);
	assert_true(command("ip link set f0 up && ip link add n1 type veth peer name f1 && ip link set n1 up && ip link set f1 up"));
}

/* A buffer of 1 MiB that nobody empties: what is lost is told, and what is not lost is delivered. */
static void lost_packets_are_told(void **state)
{
	enum { SENT = 4000, LEN = 1400 };
	static const char *const ifaces[] = { "f0" };
	uint64_t got = 0;
	struct frame f;

	(void)state;
	NEEDS_NET();
	live = source_live(&(struct live_conf){ .ifaces = ifaces, .n = 1, .filter = "ether proto 0x88b5",
		.snaplen = 262144, .buffer_mib = 1 }, error);
	assert_non_null(live);
	for (unsigned i = 0; i < SENT; i++)
		transmit("n0", (uint8_t)i, LEN);
	while (source_next(live, &f) == SOURCE_FRAME)
		got++;
	source_live_refresh(live);
	assert_true(live->lost_kernel > 0);
	assert_int_equal(got + live->lost_kernel, SENT);
}

static void what_cannot_be_opened_is_said(void **state)
{
	static const char *const none[] = { "nosuch0" }, *const ifaces[] = { "f0" };

	(void)state;
	assert_null(source_live(&(struct live_conf){ .ifaces = none, .n = 1, .snaplen = 65535, .buffer_mib = 1 }, error));
	assert_non_null(strstr(error, "nosuch0: "));
	NEEDS_NET();
	assert_null(source_live(&(struct live_conf){ .ifaces = ifaces, .n = 1, .filter = "port", .snaplen = 65535,
		.buffer_mib = 1 }, error));
	assert_non_null(strstr(error, "f0: "));
}

int main(void)
{
#define ON_LINE(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
		ON_LINE(a_frame_has_bytes_stamps_and_interface),
		ON_LINE(a_snaplen_cuts_the_bytes_not_the_length),
		ON_LINE(a_filter_lets_only_its_own_through),
		ON_LINE(silence_ticks),
		ON_LINE(frames_of_two_interfaces_come_in_order),
		ON_LINE(a_signal_ends_the_wait),
		ON_LINE(interfaces_that_go_away_are_errors),
		ON_LINE(lost_packets_are_told),
		ON_LINE(what_cannot_be_opened_is_said),
	};

	return cmocka_run_group_tests(tests, set_up_all, NULL);
}
