/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_LOG_H
#define SQUELCH_BASE_LOG_H

/*
 * Messages for people, on standard error, one line each: "squelch: SUBSYSTEM: text".
 * log_warn adds the text of errno, log_warnx does not.
 */
void log_warn(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warnx(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *subsystem, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
