/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_PCAP_FILE_H
#define SQUELCH_SOURCE_PCAP_FILE_H

#include "source/source.h"

/*
 * source_files for one open descriptor, which the source owns from now on;
 * `name` stands in messages and must outlive it. For fuzzing and tests.
 */
struct source *pcap_file_fd(int fd, const char *name, const char *filter,
    char error[static SOURCE_ERROR_LEN]);

#endif
