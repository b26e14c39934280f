/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

bool privilege_find(const char *name, struct identity *id)
{
	static const char *const usual[] = { "squelch", "nobody" };
	const struct passwd *pw = NULL;

	if (name != NULL)
		pw = getpwnam(name);
	for (unsigned i = 0; name == NULL && pw == NULL && i < sizeof usual / sizeof *usual; i++)
		pw = getpwnam(usual[i]);
	if (pw == NULL || pw->pw_uid == 0) {
		log_warnx("privilege", pw != NULL ? "%s is root: another user is wanted" : "no user is called %s",
		    name != NULL ? name : usual[0]);
		return false;
	}
	*id = (struct identity){ pw->pw_uid, pw->pw_gid };
	return true;
}

static bool keep_only(enum privilege_keep keep)
{
	static const unsigned cap = CAP_NET_ADMIN;
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (keep == PRIVILEGE_NET_ADMIN)
		data[CAP_TO_INDEX(cap)].permitted = data[CAP_TO_INDEX(cap)].effective = CAP_TO_MASK(cap);
	return syscall(SYS_capset, &head, data) == 0;
}

static void drop_bounds(void)
{
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++) /* the kernel may know fewer */
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static bool become(const struct identity *id)
{
	return geteuid() != 0 || (setgroups(1, &id->gid) == 0 &&
	    setresgid(id->gid, id->gid, id->gid) == 0 && setresuid(id->uid, id->uid, id->uid) == 0);
}

static bool change(const struct identity *id, enum privilege_keep keep)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && become(id) && keep_only(keep) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool privilege_drop(const struct identity *id, enum privilege_keep keep, pid_t parent)
{
	drop_bounds();
	if (!change(id, keep)) {
		log_warn("privilege", "giving up rights");
		return false;
	}
	/* after the change, which clears it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent) {
		log_warnx("privilege", "the supervisor is gone");
		return false;
	}
	return true;
}
