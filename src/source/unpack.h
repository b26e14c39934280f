/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_UNPACK_H
#define SQUELCH_SOURCE_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * The bytes of one file descriptor, decompressed when they begin as gzip or
 * zstd does; to be read as they are, or behind a FILE. The descriptor may be a
 * pipe: nothing ever seeks.
 */
struct unpack;

/* NULL without memory. It is reused for one descriptor after another. */
struct unpack *unpack_new(void);
void unpack_free(struct unpack *);

/*
 * Begins to read `fd`, which it owns from now on. Bytes read from it
 * (before decompression) are added to *progress. False with `unpack_error` set
 * when not even the beginning can be read.
 */
bool unpack_open(struct unpack *, int fd, uint64_t *progress);
/* The first four bytes, decompressed, as a big-endian number; 0 when there are fewer. */
uint32_t unpack_magic(const struct unpack *);
/*
 * Makes a FILE of what follows; call once after unpack_open. unpack_close stays
 * needed. NULL without memory. UNPACK_EXACT: reading takes no byte that was not
 * asked for, so that unpack_read can go on from there.
 */
enum unpack_how { UNPACK_BUFFERED, UNPACK_EXACT };
FILE *unpack_file(struct unpack *, enum unpack_how);
/* Reads up to `size` bytes; 0 at the end, -1 with `unpack_error` set. */
ssize_t unpack_read(struct unpack *, void *to, size_t size);
/* Bytes given so far, after decompression. */
uint64_t unpack_told(const struct unpack *);
void unpack_close(struct unpack *);

/* "gzip", "zstd", or NULL when the bytes are as stored. */
const char *unpack_packing(const struct unpack *);
/* What went wrong below the FILE, NULL when nothing did. */
const char *unpack_error(const struct unpack *);

#endif
