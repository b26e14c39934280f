/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket: its commands, its bounds, its clients that misbehave; and what a kill does to an engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <pcap/dlt.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine.h"
#include "event/calls.h"
#include "gate/ctl.h"

/* --- an owner that notes what it was asked --- */

static char killed[CTL_LINE_MAX];
static unsigned reloads, flow_lines;

static const char *on_calls(void *arg, struct ctl_reply *r)
{
	(void)arg;
	ctl_say(r, "evil \x1b[2J\x7f name\r\nsecond \xc2\x9b %s", "caf\xc3\xa9");
	return NULL;
}

static const char *on_kill(void *arg, const char *id, struct ctl_reply *r)
{
	(void)arg;
	(void)r;
	snprintf(killed, sizeof killed, "%s", id);
	return strcmp(id, "c-1") == 0 ? NULL : "no such call";
}

static const char *on_flows(void *arg, struct ctl_reply *r)
{
	(void)arg;
	for (unsigned i = 0; i < flow_lines; i++)
		ctl_say(r, "flow %06u", i);
	return NULL;
}

static const char *on_reload(void *arg, struct ctl_reply *r)
{
	(void)arg;
	(void)r;
	reloads++;
	return NULL;
}

static const struct ctl_ops ops = { .calls = on_calls, .kill = on_kill, .flows = on_flows, .reload = on_reload };

/* --- a server and its clients in one thread --- */

static char folder[] = "/tmp/ctl.XXXXXX", path[64];
static struct ctl *ctl;
static uint64_t now_ns;

static int dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Steps the server until it has nothing more to say; returns what came, "END" appended when it hung up. */
static char *hear(int fd)
{
	static char text[2 * CTL_ANSWER_MAX];
	size_t len = 0;
	ssize_t n;

	do {
		ctl_step(ctl, now_ns);
		n = recv(fd, text + len, sizeof text - len - 4, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	strcpy(text + len, n == 0 || errno == ECONNRESET ? "END" : "");
	return text;
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(folder, "/tmp/ctl.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	fd = ctl_listen(path);
	assert_true(fd >= 0);
	ctl = ctl_new(fd, &ops, NULL);
	assert_non_null(ctl);
	now_ns = NS_PER_S;
	killed[0] = '\0';
	reloads = 0;
	flow_lines = 3;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ctl_free(ctl);
	unlink(path);
	rmdir(folder);
	return 0;
}

static void answers_end_with_how_it_went(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "flows\n");
	assert_string_equal(hear(fd), "flow 000000\nflow 000001\nflow 000002\n.\n");
	say(fd, "kill c-1\n");
	assert_string_equal(hear(fd), ".\n");
	assert_string_equal(killed, "c-1");
	say(fd, "kill \t 17\r\n");
	assert_string_equal(hear(fd), "! no such call\n");
	assert_string_equal(killed, "17");
	killed[0] = '\0';
	say(fd, "kill\n");
	assert_non_null(strstr(hear(fd), "! kill what?"));
	assert_string_equal(killed, "");
	close(fd);
}

static void help_lists_what_there_is(void **state)
{
	int fd = dial();
	const char *text;

	(void)state;
	say(fd, "help\n");
	text = hear(fd);
	assert_non_null(strstr(text, "calls "));
	assert_non_null(strstr(text, "kill ID "));
	assert_null(strstr(text, "stats")); /* this owner has none */
	say(fd, "stats\n");
	assert_non_null(strstr(hear(fd), "! no such command"));
	say(fd, "call\n");
	assert_non_null(strstr(hear(fd), "! no such command"));
	say(fd, "\n");
	assert_non_null(strstr(hear(fd), "! no such command"));
	close(fd);
}

static void lines_may_come_in_pieces_and_together(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "relo");
	assert_string_equal(hear(fd), "");
	assert_int_equal(reloads, 0);
	say(fd, "ad\nreload\nkill c-1");
	assert_string_equal(hear(fd), ".\n.\n");
	assert_int_equal(reloads, 2);
	say(fd, "\n");
	assert_string_equal(hear(fd), ".\n");
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(fd), "END");
	close(fd);
}

static void a_terminal_is_safe_from_names(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "calls\n");
	assert_string_equal(hear(fd), "evil ?[2J? name??second \xc2? caf\xc3\xa9\n.\n");
	close(fd);
}

static void a_line_without_end_is_cut_off(void **state)
{
	char line[CTL_LINE_MAX + 1];
	int fd = dial();

	(void)state;
	memset(line, 'x', sizeof line);
	line[CTL_LINE_MAX] = '\0';
	say(fd, line);
	assert_string_equal(hear(fd), "END");
	close(fd);
}

static void an_answer_is_bounded_and_says_so(void **state)
{
	int fd = dial();
	char *text;
	size_t len;

	(void)state;
	flow_lines = 200000; /* 12 bytes each: more than CTL_ANSWER_MAX */
	say(fd, "flows\n");
	text = hear(fd);
	len = strlen(text);
	assert_true(len <= CTL_ANSWER_MAX);
	assert_true(len > CTL_ANSWER_MAX - 1024);
	assert_non_null(strstr(text, " more\n.\n"));
	flow_lines = 1;
	say(fd, "flows\n");
	assert_string_equal(hear(fd), "flow 000000\n.\n");
	close(fd);
}

/* Eight clients fill the places; the ninth waits until one goes, or until they were silent too long. */
static void clients_are_bounded(void **state)
{
	struct pollfd fds[CTL_POLL_MAX];
	int fd[CTL_CLIENTS_MAX], late;

	(void)state;
	assert_int_equal(ctl_poll_fds(ctl, fds), 1);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial();
	ctl_step(ctl, now_ns);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		ctl_step(ctl, now_ns);
	assert_int_equal(ctl_poll_fds(ctl, fds), CTL_CLIENTS_MAX); /* nobody new is waited for */
	late = dial();
	say(late, "reload\n");
	assert_string_equal(hear(late), "");
	close(fd[3]);
	ctl_step(ctl, now_ns);
	assert_string_equal(hear(late), ".\n");
	now_ns += CTL_IDLE_NS + 1;
	say(fd[0], "reload\n");
	assert_string_equal(hear(fd[0]), ".\n"); /* not silent */
	assert_string_equal(hear(fd[1]), "END");
	assert_string_equal(hear(late), "END");
	assert_int_equal(ctl_poll_fds(ctl, fds), 2);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	close(late);
}

/* A client that asks and never reads: it is waited for without blocking, then dropped. */
static void an_unread_answer_is_dropped(void **state)
{
	struct pollfd fds[CTL_POLL_MAX];
	int fd = dial();

	(void)state;
	flow_lines = 200000;
	say(fd, "flows\nreload\n");
	ctl_step(ctl, now_ns);
	assert_int_equal(ctl_poll_fds(ctl, fds), 2);
	assert_int_equal(fds[0].events, POLLOUT);
	assert_int_equal(reloads, 0); /* the next command waits for the answer to go */
	now_ns += CTL_IDLE_NS + 1;
	ctl_step(ctl, now_ns);
	assert_int_equal(ctl_poll_fds(ctl, fds), 1);
	close(fd);
}

static void the_socket_is_not_for_everybody(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void a_living_socket_is_not_taken_over(void **state)
{
	char other[80], longer[200];
	int fd;
	FILE *f;

	(void)state;
	assert_int_equal(ctl_listen(path), -1);
	assert_int_equal(errno, EADDRINUSE);
	ctl_free(ctl); /* gone, but its socket is still there */
	fd = ctl_listen(path);
	assert_true(fd >= 0);
	ctl = ctl_new(fd, &ops, NULL);

	snprintf(other, sizeof other, "%s/file", folder);
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(ctl_listen(other), -1);
	assert_int_equal(access(other, F_OK), 0);
	unlink(other);

	memset(longer, 'x', sizeof longer);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(ctl_listen(longer), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void ids_are_calls_or_flows(void **state)
{
	static const char *const wrong[] = { "", "c-", "c-123456789", "c-xyz", "-5", "12x", "0", "c-0", " 7", "99999999999999999999999" };
	struct ctl_target t;

	(void)state;
	assert_true(ctl_target("c-0123abcd", &t));
	assert_true(t.is_call);
	assert_int_equal(t.call, 0x0123abcd);
	assert_true(ctl_target("7961660328752362", &t));
	assert_false(t.is_call);
	assert_int_equal(t.flow, 7961660328752362);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(ctl_target(wrong[i], &t));
}

/* --- kill: an engine that cuts, a call in RTP both ways --- */

static struct engine *engine;
static struct event_sink *sink;

/* Ethernet, IPv4, UDP, RTP of PCMU (RFC 3550, 5.1); `dir` 0 is sent by the phone. */
static struct fate rtp_packet(unsigned n, int dir)
{
	uint8_t b[14 + 20 + 8 + 12 + 160] = { [12] = 0x08, [14] = 0x45, [17] = 200, [22] = 64, [23] = IPPROTO_UDP,
		[26] = 10, [29] = 5, [30] = 198, [31] = 51, [32] = 100, [33] = 7, [34] = 0x9c, [35] = 0x40, [36] = 0x9c, [37] = 0x50,
		[39] = 180, [42] = 0x80, [50] = 0x12, [51] = 0x34, [52] = 0x56, [53] = 0x78 };
	struct frame f = { .data = b, .caplen = sizeof b, .len = sizeof b, .link = DLT_EN10MB, .number = n + 1,
		.mono_ns = NS_PER_S + n * 10 * NS_PER_MS, .wall_ns = 1767614400 * NS_PER_S + n * 10 * NS_PER_MS };
	uint32_t ts = n / 2 * 160;

	if (dir != 0)
		for (int i = 0; i < 4; i++) {
			uint8_t ip = b[26 + i];

			b[26 + i] = b[30 + i];
			b[30 + i] = ip;
		}
	if (dir != 0) {
		b[35] = 0x50;
		b[37] = 0x40;
		b[53] = 0x79;
	}
	b[44] = (uint8_t)(n / 2 >> 8);
	b[45] = (uint8_t)(n / 2);
	b[46] = (uint8_t)(ts >> 24);
	b[47] = (uint8_t)(ts >> 16);
	b[48] = (uint8_t)(ts >> 8);
	b[49] = (uint8_t)ts;
	for (unsigned i = 54; i < sizeof b; i++)
		b[i] = (uint8_t)(0xd0 + (n * 7 + i * 13) % 16);
	return engine_packet(engine, &f);
}

static bool keep_flow(void *arg, const struct engine_flow *f)
{
	*(struct engine_flow *)arg = *f;
	return false; /* one is enough */
}

static void keep_call(void *arg, const struct call *c)
{
	*(const struct call **)arg = c;
}

static unsigned unmarked;

static void on_unmark(void *arg, const struct flow_key *key)
{
	(void)arg;
	(void)key;
	unmarked++;
}

static void kill_cuts_and_a_reload_does_not_undo_it(void **state)
{
	struct engine_conf conf = engine_conf_default();
	struct policy *rules = policy_parse("allow media\n", "test", stderr), *again;
	const struct call *call = NULL;
	struct engine_flow flow = { 0 };
	uint64_t ids[4] = { 1, 2 };
	FILE *eve = tmpfile();
	struct fate fate;
	unsigned n = 0;

	(void)state;
	assert_non_null(rules);
	hash_init();
	conf.max_flows = 1000;
	conf.enforce = true;
	conf.ndpi = NDPI_OFF;
	conf.on_unmark = on_unmark;
	sink = event_sink_new(&(struct event_conf){ .eve = eve });
	engine = engine_new(&conf, rules, sink);
	assert_non_null(engine);
	engine_begin(engine, NULL);
	for (; n < 200; n++) {
		fate = rtp_packet(n, n & 1);
		assert_false(fate.drop);
	}
	engine_each(engine, keep_flow, &flow);
	event_each_call(sink, keep_call, &call);
	assert_int_equal(flow.cls, CLASS_MEDIA);
	assert_int_equal(flow.action, ACTION_PASS);
	assert_int_equal(flow.packets[0] + flow.packets[1], 200);
	assert_int_equal(flow.flow.port[0], 40000);
	assert_non_null(call);
	assert_int_equal(ctl_call_flows(call, ids + 1, 3), 1);
	assert_int_equal(ids[1], flow.flow.id);

	assert_int_equal(engine_kill(engine, ids, 1), 0); /* no such flow */
	assert_false(rtp_packet(n, 0).drop);
	n++;
	unmarked = 0;
	assert_int_equal(engine_kill(engine, ids, 2), 1);
	assert_int_equal(unmarked, 1); /* the kernel had been told to pass it */
	fate = rtp_packet(n, n & 1);
	assert_true(fate.drop);
	assert_true(fate.final);
	n++;

	again = policy_parse("allow any\n", "test", stderr);
	assert_non_null(again);
	engine_set_policy(engine, again);
	assert_true(rtp_packet(n, n & 1).drop);
	engine_end(engine);
	engine_free(engine);
	event_sink_free(sink);
	rewind(eve);
	{
		char line[4096];
		bool said = false;

		while (fgets(line, sizeof line, eve) != NULL)
			said |= strstr(line, "\"voip\"") != NULL && strstr(line, "\"reason\":\"cut by hand\"") != NULL &&
			    strstr(line, "\"action\":\"drop\"") != NULL;
		assert_true(said);
	}
	fclose(eve);
	policy_free(rules);
	policy_free(again);
}

int main(void)
{
#define ON_SOCKET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ON_SOCKET(answers_end_with_how_it_went),
		ON_SOCKET(help_lists_what_there_is),
		ON_SOCKET(lines_may_come_in_pieces_and_together),
		ON_SOCKET(a_terminal_is_safe_from_names),
		ON_SOCKET(a_line_without_end_is_cut_off),
		ON_SOCKET(an_answer_is_bounded_and_says_so),
		ON_SOCKET(clients_are_bounded),
		ON_SOCKET(an_unread_answer_is_dropped),
		ON_SOCKET(the_socket_is_not_for_everybody),
		ON_SOCKET(a_living_socket_is_not_taken_over),
		cmocka_unit_test(ids_are_calls_or_flows),
		cmocka_unit_test(kill_cuts_and_a_reload_does_not_undo_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
