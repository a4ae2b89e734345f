#pragma once
/* The neighbour table (RTM_GETNEIGH): who is known on a link, by which hardware address. IPv4 and IPv6. */
#include <array>
#include <cstdint>
#include <tuple>
#include <vector>

#include "decode.h"
#include "netlink.h"

namespace holdfast::wire {

/* As it crosses to TypeScript: 28 bytes, `ifindex` little-endian, `address` in network order, IPv4 in the first 4 and the
 * rest zero. src/kernel/neighbours.ts reads it. */
struct NeighbourRecord {
  uint32_t ifindex;
  uint8_t family; /* 4 or 6 */
  Mac mac;
  uint8_t padding;
  std::array<uint8_t, 16> address;

  bool operator==(const NeighbourRecord&) const = default;
};
static_assert(sizeof(NeighbourRecord) == 28 && offsetof(NeighbourRecord, address) == 12);

/* One link has one entry for an address. */
using NeighbourPlace = std::tuple<uint32_t, uint8_t, std::array<uint8_t, 16>>;
inline NeighbourPlace PlaceOf(const NeighbourRecord& record) { return {record.ifindex, record.family, record.address}; }

/* `ip -4|-6 neigh show [dev X]`; ifindex 0 stands for all links. */
void AppendNeighbourDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint32_t ifindex);

/* RTM_NEWNEIGH: false for what has no Ethernet address that was confirmed once or set by hand: entries that failed or are
 * being asked for, and those the kernel makes of multicast and broadcast addresses (NUD_NOARP). */
bool DecodeNeighbour(const Message& message, NeighbourRecord& out);

struct NeighbourChange {
  bool there = false;       /* known, by this hardware address; else not, or not any more */
  NeighbourRecord record{}; /* without `there`, its hardware address means nothing */
};

/* RTM_NEWNEIGH and RTM_DELNEIGH (RTNLGRP_NEIGH). An entry that is not known any more is told as a new state of it. */
bool DecodeNeighbourChange(const Message& message, NeighbourChange& out);

}  // namespace holdfast::wire
