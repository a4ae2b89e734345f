#pragma once
/* The neighbour table (RTM_GETNEIGH): who is known on a link, by which hardware address. IPv4 only. */
#include <cstdint>
#include <vector>

#include "arp.h"
#include "netlink.h"

namespace holdfast::wire {

/* As it crosses to TypeScript: 16 bytes, `ifindex` little-endian. src/kernel/neighbours.ts reads it. */
struct NeighbourRecord {
  uint32_t ifindex;
  Ipv4 address;
  Mac mac;
  uint8_t padding[2];
};
static_assert(sizeof(NeighbourRecord) == 16);

/* `ip -4 neigh show [dev X]`; ifindex 0 stands for all links. */
void AppendNeighbourDump(std::vector<uint8_t>& out, uint32_t seq, uint32_t ifindex);

/* RTM_NEWNEIGH: false for what has no Ethernet address that was confirmed once or set by hand: entries that failed or are
 * being asked for, and those the kernel makes of multicast and broadcast addresses (NUD_NOARP). */
bool DecodeNeighbour(const Message& message, NeighbourRecord& out);

}  // namespace holdfast::wire
