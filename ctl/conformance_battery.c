/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conformance_battery: see conformance.h.  None of it goes beyond RCPT.
 */
#include <stddef.h>

#include "conformance.h"

#define MAIL	"MAIL FROM:<>"
#define RCPT	"RCPT TO:<{rcpt}>"
#define OUT	"RCPT TO:<{outside}>"
#define EHLO	"EHLO xcontext.invalid"
#define HOST	"a.example.org"
#define NET	"XCLIENT ADDR=192.0.2.1"
/* 40 and 215 octets. */
#define X40	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."
#define X215	X40 X40 X40 X40 X40 "xxxxxxxxxxxxxx."

#define SPECIFIED(text)	CONFORMANCE_SPECIFIED, text
#define SAFE(text)	CONFORMANCE_SAFE, text
#define SHUT	{ "else", SAFE("its mail is refused altogether") }
#define DANGER(text)	CONFORMANCE_DANGEROUS, text

#define LOGIN_YES	{ "XCLIENT LOGIN={login}", EHLO, MAIL, OUT }
#define LOGIN_NO	{ EHLO, MAIL, OUT }
#define MAIL_NO		{ EHLO, MAIL, RCPT }

/* The last reply takes it, or refuses it. */
#define TAKEN(good, bad) \
	{ { "2", SPECIFIED(good) }, { "5", SAFE(bad) } }
#define REFUSED(good, bad) \
	{ { "5", SPECIFIED(good) }, { "2", bad } }

static const struct conformance_item	 battery[] = {
	{ .name = "XCLIENT that is not offered",
	    .need = CONFORMANCE_NO_XCLIENT, .lines = { NET },
	    .outcomes = REFUSED("it is refused",
	    DANGER("it is taken: anybody may say who he is")) },
	{ .name = "half a line, and a login", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT LOGIN={login} BOGUS=1", EHLO, MAIL, OUT },
	    .yes = LOGIN_YES, .no = LOGIN_NO, .outcomes = {
	    { "no", SPECIFIED("a line that is refused has changed nothing") },
	    { "yes", DANGER("a line that is refused has logged in: who may say "
	    "anything but LOGIN can have a login by way of a mistake") },
	    SHUT } },
	{ .name = "half a line, and an address", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR={rejected} NAME=" HOST " BOGUS=1", EHLO,
	    MAIL, RCPT },
	    .yes = { "XCLIENT ADDR={rejected} NAME=" HOST, EHLO, MAIL, RCPT },
	    .no = MAIL_NO, .outcomes = {
	    { "no", SPECIFIED("a line that is refused has changed nothing") },
	    { "yes", DANGER("a line that is refused has changed the client: "
	    "the mail that follows is somebody else's") }, SHUT } },
	{ .name = "an unknown attribute", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT BOGUS=1" },
	    .outcomes = REFUSED("it is refused",
	    SAFE("it is passed over")) },
	{ .name = "a name, behind another ADDR",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR={own} NAME={name}", NET, EHLO, MAIL,
	    RCPT },
	    .yes = { "XCLIENT ADDR={own} NAME={name}", EHLO, MAIL, RCPT },
	    .no = MAIL_NO, .outcomes = {
	    { "no", SPECIFIED("it is forgotten") },
	    { "yes", DANGER("it stays: rules by host name go by whoever came "
	    "before, so NAME has to be said with each ADDR") } } },
	{ .name = "a HELO, behind another ADDR",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR={own} HELO={helo}", NET, EHLO, MAIL,
	    RCPT },
	    .yes = { "XCLIENT ADDR={own} HELO={helo}", "EHLO {helo}", MAIL,
	    RCPT }, .no = MAIL_NO, .outcomes = {
	    { "no", SPECIFIED("it is forgotten") },
	    { "yes", DANGER("it stays, and is taken for the next one's") } } },
	{ .name = "a login, behind another ADDR",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR={own} LOGIN={login}", NET, EHLO, MAIL,
	    OUT }, .yes = LOGIN_YES, .no = LOGIN_NO, .outcomes = {
	    { "no", SPECIFIED("it is forgotten") },
	    { "yes", DANGER("it stays: the next client has the login of the "
	    "one before") } } },
	{ .name = "a login, and a name in a second command",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT LOGIN={login}", "XCLIENT NAME=" HOST, EHLO,
	    MAIL, OUT }, .yes = LOGIN_YES, .no = LOGIN_NO, .outcomes = {
	    { "no", SPECIFIED("each command begins anew") },
	    { "yes", SAFE("commands add up") } } },
	{ .name = "ADDR=[UNAVAILABLE]", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=[UNAVAILABLE]" },
	    .outcomes = TAKEN("it is taken",
	    "a client that is not known cannot be told of") },
	{ .name = "ADDR=[unavailable]", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=[unavailable]" },
	    .outcomes = TAKEN("it is taken in any case",
	    "it has to be in capitals") },
	{ .name = "NAME=[TEMPUNAVAIL]", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT NAME=[TEMPUNAVAIL]" },
	    .outcomes = TAKEN("it is taken",
	    "a lookup that failed cannot be told of") },
	{ .name = "LOGIN=[UNAVAILABLE]", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT LOGIN=[UNAVAILABLE]" },
	    .outcomes = TAKEN("it is taken",
	    "that there is no login cannot be said") },
	{ .name = "ADDR=IPV6:2001:db8::1", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=IPV6:2001:db8::1" },
	    .outcomes = TAKEN("it is taken",
	    "clients of IPv6 cannot be told of so") },
	{ .name = "ADDR=ipv6:2001:db8::1", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=ipv6:2001:db8::1" },
	    .outcomes = TAKEN("the tag is taken in any case",
	    "the tag has to be in capitals") },
	{ .name = "ADDR=2001:db8::1", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=2001:db8::1" },
	    .outcomes = REFUSED("it is refused: the tag is missing",
	    SAFE("it is taken without the tag")) },
	{ .name = "ADDR=IPV6:::ffff:192.0.2.1", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=IPV6:::ffff:192.0.2.1" },
	    .outcomes = TAKEN("it is taken", "it has to be said as IPv4") },
	{ .name = "ADDR=192.0.2.256", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=192.0.2.256" },
	    .outcomes = REFUSED("it is refused",
	    DANGER("what is no address is taken for one")) },
	{ .name = "a value of 255 octets", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT HELO=" X215 X40 }, .outcomes = TAKEN(
	    "it is taken", "long greetings cannot be told of") },
	{ .name = "a value of 256 octets", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT HELO=" X215 X40 "x" },
	    .outcomes = REFUSED("it is refused", SAFE("it is taken")) },
	{ .name = "a line of 512 octets", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=192.0.2.1 HELO=" X215 X40
	    " NAME=" X40 X40 X40 X40 X40 "xxxxxxxxxxxxxxxxxxx.x" },
	    .outcomes = TAKEN("it is taken",
	    "much has to be said in more commands than one") },
	{ .name = "xtext", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT ADDR=192+2E0+2E2+2E1" }, .outcomes = TAKEN(
	    "it is decoded", "it is not decoded, or not taken for all") },
	{ .name = "a value that is no xtext", .need = CONFORMANCE_XCLIENT,
	    .lines = { "XCLIENT HELO=a+zz" }, .outcomes = TAKEN(
	    "it is taken as it stands", "it is refused") },
	{ .name = "XCLIENT in a transaction", .need = CONFORMANCE_XCLIENT,
	    .lines = { MAIL, NET }, .is_behind = true,
	    .outcomes = REFUSED("it is refused",
	    DANGER("mail that one client began is another's")) },
	{ .name = "XCLIENT behind one of somebody else",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { NET " NAME=" HOST, EHLO, "XCLIENT ADDR=192.0.2.2" },
	    .is_behind = true,
	    .outcomes = { { "5", SPECIFIED("it is refused: the new client has "
	    "no right to it") }, { "4", SPECIFIED("it is refused: the new "
	    "client has no right to it") }, { "2", DANGER("it is taken: behind "
	    "a proxy that copies bytes, clients may say who they are") } } },
	{ .name = "XFORWARD behind an XCLIENT", .need = CONFORMANCE_XFORWARD,
	    .lines = { NET " NAME=" HOST, EHLO, "XFORWARD ADDR=192.0.2.2" },
	    .is_behind = true,
	    .outcomes = { { "5", SPECIFIED("it is refused") },
	    { "4", SPECIFIED("it is refused") },
	    { "2", DANGER("it is taken: behind a proxy that copies bytes, "
	    "clients write what they like into logs, and to content filters")
	    } } },
	{ .name = "XFORWARD with an unknown attribute",
	    .need = CONFORMANCE_XFORWARD, .lines = { "XFORWARD NAME=" HOST
	    " BOGUS=1" }, .outcomes = REFUSED("it is refused",
	    SAFE("it is passed over")) },
	{ .name = "XFORWARD in a transaction", .need = CONFORMANCE_XFORWARD,
	    .lines = { MAIL, "XFORWARD NAME=" HOST },
	    .is_behind = true, .outcomes = REFUSED("it is refused",
	    SAFE("it is taken")) },
	{ .name = "EHLO in one go with XCLIENT",
	    .need = CONFORMANCE_XCLIENT,
	    .lines = { "!2" NET " NAME=" HOST "\r\n" EHLO "\r\n" },
	    .outcomes = { { "2", SPECIFIED("it is read behind it, as the new "
	    "client's") }, { "0", SAFE("the session ends: XCLIENT has to be "
	    "waited for") }, { "5", SAFE("it is refused: XCLIENT has to be "
	    "waited for") } } },
	{ .name = "a bare LF", .need = CONFORMANCE_ANYTHING,
	    .lines = { "!2NOOP\nNOOP\r\nQUIT\r\n" }, .outcomes = {
	    { "250", SAFE("it ends a command: a messenger that passes on a "
	    "line of its client's with LF in it passes on two, and the second "
	    "may be an XCLIENT") },
	    { "0", SPECIFIED("the session ends") },
	    { "", SPECIFIED("it ends no command") } } },
	{ .name = "a PROXY header that is not called for",
	    .need = CONFORMANCE_ANYTHING,
	    .lines = { "^PROXY TCP4 192.0.2.1 192.0.2.2 1024 25\r\n",
	    "!1" EHLO "\r\n" }, .outcomes = {
	    { "2", DANGER("it is taken, and need not be there: anybody may say "
	    "who he is") }, { "0", SPECIFIED("the session ends") },
	    { "", SPECIFIED("it is no header") } } }
};
#define N_ITEMS	(sizeof battery / sizeof battery[0])

const struct conformance_item *
conformance_battery(unsigned i)
{
	return i < N_ITEMS ? &battery[i] : NULL;
}

const char *
conformance_verdict_text(enum conformance_verdict verdict)
{
	static const char *const	 texts[] = {
		[CONFORMANCE_SPECIFIED] = "as specified",
		[CONFORMANCE_SAFE] = "safe deviation",
		[CONFORMANCE_DANGEROUS] = "dangerous",
		[CONFORMANCE_UNKNOWN] = "cannot be told",
		[CONFORMANCE_ABSENT] = "not offered"
	};

	return texts[verdict];
}
