/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_NOTIFY_H
#define SQUELCH_GATE_NOTIFY_H

#include <stdint.h>

/* Tells the service manager, when NOTIFY_SOCKET names one: sd_notify(3)'s protocol, a datagram of assignments. */
void notify_say(const char *assignments);
/* Half of what WATCHDOG_USEC asks for, in ns; 0: nobody watches. */
uint64_t notify_watchdog_ns(void);

#endif
