#pragma once
/* What else on a host stands on an address: routes that have it as their source, sockets that are bound to it. */
#include <cstddef>
#include <cstdint>
#include <vector>

#include "diag.h"
#include "ip_address.h"
#include "netlink.h"

namespace holdfast::wire {

enum class UseKind : uint8_t { kRouteSource = 1, kTcpListener = 2, kUdpSocket = 3 };

/* As it crosses to TypeScript: 24 bytes, numbers little-endian. src/kernel/uses.ts has the same table. */
struct UseRecord {
  IpAddress address; /*  0 */
  uint8_t kind;      /* 16  UseKind */
  uint8_t prefix;    /* 17  of the destination of a route; 0 is the default route */
  uint16_t port;     /* 18  of a socket */
  uint32_t where;    /* 20  of a route, the interface it leads to, 0 where it names none; of a socket, its inode */
};
static_assert(sizeof(UseRecord) == 24 && offsetof(UseRecord, where) == 20);

/* `ip route show table all`: every route of one family (4 or 6). */
void AppendAllRoutesDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family);

/* One message of such a dump. False for a route without a source, and for what the kernel makes itself in the local
 * table for each address (local, broadcast: they are that address). The connected route of a network, which goes with
 * the address, counts. RTA_PREFSRC, rtnetlink(7). */
bool DecodeRouteSource(const Message& message, UseRecord& out);

/* One message of a dump of sockets that listen (TCP) or are bound and not connected (UDP). Its `where` is the inode. */
bool DecodeBoundSocket(const Message& message, UseKind kind, UseRecord& out);

}  // namespace holdfast::wire
