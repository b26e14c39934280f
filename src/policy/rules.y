/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules language; squelch.rules(5) explains it. */
%code requires {
#include "policy/parse.h"
}
%code {
#define YYLLOC_DEFAULT(now, rhs, n) ((now) = YYRHSLOC(rhs, (n) ? 1 : 0))

int rules_yylex(const char **value, struct place *at, void *scanner);
static void rules_yyerror(struct place *at, void *scanner, struct parser *p, const char *text);
}
%define api.pure full
%define api.prefix {rules_yy}
%define api.location.type {struct place}
%define api.value.type {const char *}
%define parse.error custom
%define parse.lac full
%initial-action { @$ = (struct place){ 1, 1 }; }
%locations
%lex-param {void *scanner}
%parse-param {void *scanner} {struct parser *p}

%token NL "the end of the line"
%token ALLOW "allow" BLOCK "block" REJECT "reject" DEGRADE "degrade" LIMIT "limit" ALERT "alert"
%token ANY "any" CLIENT "client" SERVER "server" BOTH "both"
%token TUNNELLED "tunnelled" APP "app" CATEGORY "category" ROLE "role"
%token FROM "from" TO "to" HOST "host" PORT "port" IIF "iif" OIF "oif" PROTO "proto"
%token SIGNALLED_BY "signalled-by" BITS "bits" DURING "during" UNTIL "until" REASON "reason"
%token WORD "a name" NUMBER "a number" ADDRESS "an address" SET "a set ($name)" STRING "a quoted text"
%token RANGE "a range (N-M)" RATE "a rate" DATE "a date" TIME "a time" DOTS ".."

%%

file:
	  %empty
	| file line
	;
line:
	  NL
	| set NL
	| rule NL                       { rule_finish(p); }
	| error NL                      { yyerrok; }
	;

set:
	  WORD '=' list                 { set_define(p, @1, $1); }
	;
list:
	  '{' clear items '}'
	;
clear:
	  %empty                        { items_clear(p); }
	;
items:
	  %empty
	| members
	| members ','
	;
members:
	  member
	| members ',' member
	;
member:
	  word                          { items_add(p, ITEM_WORD, @1, $1); }
	| NUMBER                        { items_add(p, ITEM_NUMBER, @1, $1); }
	| ADDRESS                       { items_add(p, ITEM_ADDR, @1, $1); }
	| SET                           { items_add(p, ITEM_SET, @1, $1); }
	| STRING                        { items_add(p, ITEM_TEXT, @1, $1); }
	;
word:
	  WORD
	| CLIENT
	| SERVER
	| BOTH
	;
names:
	  clear member
	| list
	;

rule:
	  action what selectors
	;
action:
	  ALLOW                         { rule_begin(p, @1, ACTION_PASS); }
	| BLOCK                         { rule_begin(p, @1, ACTION_DROP); }
	| DEGRADE                       { rule_begin(p, @1, ACTION_DEGRADE); }
	| ALERT                         { rule_begin(p, @1, ACTION_ALERT); }
	| LIMIT RATE                    { rule_begin(p, @1, ACTION_LIMIT); rule_limit(p, @2, $2); }
	| reject
	| reject target
	;
reject:
	  REJECT                        { rule_begin(p, @1, ACTION_DROP); rule_reject(p, @1, REJECT_NONE, true); }
	;
target:
	  CLIENT                        { rule_reject(p, @1, REJECT_CLIENT, false); }
	| SERVER                        { rule_reject(p, @1, REJECT_SERVER, false); }
	| BOTH                          { rule_reject(p, @1, REJECT_BOTH, false); }
	;
what:
	  ANY                           { rule_any(p); }
	| classes                       { rule_classes(p, @1); }
	| list                          { rule_classes(p, @1); }
	;
classes:
	  clear WORD                    { items_add(p, ITEM_WORD, @2, $2); }
	| classes ',' WORD              { items_add(p, ITEM_WORD, @3, $3); }
	;

selectors:
	  %empty
	| selectors selector
	;
selector:
	  TUNNELLED                     { rule_selector(p, SEL_TUNNELLED, @1); }
	| APP names                     { rule_names(p, SEL_APP, @1); }
	| CATEGORY names                { rule_names(p, SEL_CATEGORY, @1); }
	| ROLE names                    { rule_names(p, SEL_ROLE, @1); }
	| PROTO names                   { rule_names(p, SEL_PROTO, @1); }
	| IIF names                     { rule_names(p, SEL_IIF, @1); }
	| OIF names                     { rule_names(p, SEL_OIF, @1); }
	| FROM end                      { rule_end(p, SEL_FROM, @1); }
	| TO end                        { rule_end(p, SEL_TO, @1); }
	| HOST end                      { rule_end(p, SEL_HOST, @1); }
	| SIGNALLED_BY end              { rule_end(p, SEL_SIGNALLED, @1); }
	| BITS NUMBER DOTS NUMBER       { rule_bits(p, @1, $2, $4); }
	| BITS NUMBER DOTS              { rule_bits(p, @1, $2, NULL); }
	| BITS DOTS NUMBER              { rule_bits(p, @1, NULL, $3); }
	| DURING STRING                 { if (rule_selector(p, SEL_DURING, @1)) rule_during(p, @2, $2); }
	| until moment
	| REASON STRING                 { if (rule_selector(p, SEL_REASON, @1)) rule_reason(p, @2, $2); }
	| target
	;
end:
	  where
	| where PORT ports
	;
where:
	  clear ANY                     { rule_end_clear(p); }
	| clear ADDRESS                 { items_add(p, ITEM_ADDR, @2, $2); rule_end_set(p, @2); }
	| clear SET                     { items_add(p, ITEM_SET, @2, $2); rule_end_set(p, @2); }
	| list                          { rule_end_set(p, @1); }
	;
ports:
	  NUMBER                        { rule_port(p, @1, $1); }
	| RANGE                         { rule_port(p, @1, $1); }
	;
until:
	  UNTIL                         { rule_selector(p, SEL_UNTIL, @1); }
	;
moment:
	  DATE                          { rule_until(p, @1, $1, ""); }
	| DATE TIME                     { rule_until(p, @1, $1, $2); }
	| STRING                        { rule_until(p, @1, $1, ""); }
	;

%%

/* Only for what is not a syntax error: the parser ran out of memory or stack. */
static void rules_yyerror(struct place *at, void *scanner, struct parser *p, const char *text)
{
	(void)scanner;
	parser_error(p, *at, "%s", text);
}

static int yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, struct parser *p)
{
	yysymbol_kind_t kind[YYNTOKENS];
	const char *wanted[YYNTOKENS];
	int n = yypcontext_expected_tokens(ctx, kind, YYNTOKENS);

	(void)scanner;
	for (int i = 0; i < n; i++)
		wanted[i] = yysymbol_name(kind[i]);
	parser_syntax_error(p, *yypcontext_location(ctx), wanted, n < 0 ? 0 : n);
	return 0;
}
