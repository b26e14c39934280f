/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* the sanitizers' own threads and reports need far more */
#else
#define SANITIZED false
#endif

/* --- saying which call was refused, with nothing but write(2) --- */

#define NAMES_MAX 512
static const char *names[NAMES_MAX];

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void on_refused(int sig, siginfo_t *info, void *context)
{
	unsigned call = (unsigned)info->si_syscall;

	(void)sig;
	(void)context;
	say("squelch: sandbox: refused: ");
	say(call < NAMES_MAX && names[call] != NULL ? names[call] : "a call without a name");
	say("\n");
	_exit(EXIT_OTHER);
}

static void name_calls(void)
{
	for (int i = 0; i < NAMES_MAX; i++)
		names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
}

/* --- what is allowed --- */

static const int allowed[] = {
	/* queues, netlink, control */
	SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(accept4), SCMP_SYS(shutdown),
	/* counters of a capture, and whether its interface is up */
	SCMP_SYS(getsockopt), SCMP_SYS(getsockname),
	/* files handed over, events, messages */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(fsync),
	/* memory, threads, time */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(clock_getres), SCMP_SYS(getrusage), SCMP_SYS(getrandom),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getppid), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(tgkill), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* Calls allowed with one argument only. */
static bool add_narrow(scmp_filter_ctx f)
{
	return
	    /* time zones of new rules are read, nothing is written */
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) == 0 &&
	    /* libpcap lets go of the ring of an interface that is gone */
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET, 0)) == 0 &&
	    /* names of interfaces */
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME, 0)) == 0 &&
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCGIFFLAGS, 0)) == 0 &&
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, TCGETS, 0)) == 0 &&
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0)) == 0 &&
	    seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_INET, 0)) == 0;
}

static bool fill(scmp_filter_ctx f)
{
	for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0) != 0)
			return false;
	return add_narrow(f);
}

bool sandbox_enter(void)
{
	struct sigaction sa = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx f;
	bool ok;

	if (SANITIZED)
		return true;
	name_calls();
	sigaction(SIGSYS, &sa, NULL);
	f = seccomp_init(SCMP_ACT_TRAP);
	ok = f != NULL && seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
	    seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0) == 0 && fill(f);
	if (ok) {
		errno = -seccomp_load(f);
		ok = errno == 0;
	}
	if (!ok)
		log_warn("sandbox", "entering it");
	if (f != NULL)
		seccomp_release(f);
	return ok;
}
