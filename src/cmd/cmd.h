/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_CMD_H
#define SQUELCH_CMD_CMD_H

/* Subcommands. argv[0] is the subcommand's name; they return an enum exit_code. */
int cmd_read(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_block(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
