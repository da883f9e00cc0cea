/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_private: what the files of proxy_header share: how version 2 is
 * laid out (proxy-protocol.txt, 2.2).
 */
#ifndef XC_RELAY_PROXY_HEADER_PRIVATE_H
#define XC_RELAY_PROXY_HEADER_PRIVATE_H

#include "proxy_header.h"

/* The signature holds a NUL and is no string. */
#define V2_SIGNATURE		"\r\n\r\n\0\r\nQUIT\n"
#define V2_SIGNATURE_LEN	12
#define V2_FIXED_LEN		16	/* signature, version and command,
					 * protocol, length of the rest */
#define V2_VERSION		0x20
#define V2_LOCAL		0x0
#define V2_PROXY		0x1
#define V2_UNSPEC		0x00
#define V2_TCP4			0x11
#define V2_TCP6			0x21
#define V2_UNIX_STREAM		0x31
#define V2_ADDRESSES4_LEN	12	/* two addresses, two ports */
#define V2_ADDRESSES6_LEN	36
#define V2_ADDRESSES_UNIX_LEN	216

#define TLV_HEAD_LEN		3	/* type, length of the value */
#define TLV_ALPN		0x01
#define TLV_AUTHORITY		0x02
#define TLV_CRC32C		0x03
#define TLV_UNIQUE_ID		0x05
#define TLV_SSL			0x20
#define TLV_SSL_VERSION		0x21
#define TLV_SSL_CN		0x22
#define TLV_SSL_CIPHER		0x23
#define TLV_SSL_SIG_ALG		0x24
#define TLV_SSL_KEY_ALG		0x25
#define TLV_NETNS		0x30
/* Of those for everybody's own use; of each of these one form is known. */
#define TLV_GCP			0xe0	/* 8 octets, in network order */
#define TLV_AWS			0xea	/* AWS_VPCE_ID, a text */
#define TLV_AZURE		0xee	/* AZURE_LINK_ID, 4 octets, the least
					 * first */

#define GCP_LEN			8
#define AWS_VPCE_ID		0x01
#define AZURE_LINK_ID		0x01
#define AZURE_LEN		5
#define CRC32C_LEN		4
#define SSL_HEAD_LEN		5	/* client, verify */
#define SSL_CLIENT_TLS		0x01
#define SSL_CLIENT_CERT		0x06	/* in this connection, or session */

/* As proxy_header_find, for bytes that do not begin version 1. */
enum proxy_header_result	proxy_header_v2_find(struct span in,
				    struct proxy_header *header_r,
				    size_t *used_r, struct err *err);

#endif
