#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>

namespace holdfast::wire {

/* One address: what to plumb (address_text.h), and what a dump found, which crosses to TypeScript as it is.
 * 24 bytes, little-endian except `address`, which is in network order. The same table is in src/kernel/records.ts;
 * test/native compares the two, so change both together. */
struct AddressRecord {
  uint8_t family;      /*  0  4 or 6 */
  uint8_t prefix;      /*  1  0..32 or 0..128 */
  uint8_t protocol;    /*  2  found: IFA_PROTO or rtm_protocol, 0 where there is none; in a request: ignored */
  uint8_t flags;       /*  3  kFlagRoute, ... */
  uint32_t ifindex;    /*  4  1 or more */
  uint8_t address[16]; /*  8  IPv4 uses the first 4 bytes, the rest zero */
};

static_assert(std::endian::native == std::endian::little);
static_assert(std::is_trivially_copyable_v<AddressRecord>);
static_assert(sizeof(AddressRecord) == 24 && offsetof(AddressRecord, ifindex) == 4 && offsetof(AddressRecord, address) == 8);

/* A host route of type local in the local table, and not an interface address. */
constexpr uint8_t kFlagRoute = 1;
/* Found addresses only: looks like an alias, not like the interface's own address. Permanent (no lifetime, so not from
 * DHCP or a router), without a peer, and with a host prefix or secondary in its network. */
constexpr uint8_t kFlagAlias = 2;
/* Requests for IPv6 addresses only: whether another host has it is asked first (duplicate address detection). */
constexpr uint8_t kFlagProbe = 4;
/* Requests for addresses only: not to be chosen as the source of what is bound to no address. */
constexpr uint8_t kFlagNoSource = 8;

constexpr uint8_t HostPrefix(uint8_t family) { return family == 4 ? 32 : 128; }
constexpr size_t AddressBytes(uint8_t family) { return family == 4 ? 4 : 16; }

/* What may be asked of the kernel, and so all that a dump yields: it may be given back to be removed. Bytes that are
 * not used are zero, because places are compared by all 16. */
inline bool IsPlumbable(const AddressRecord& record) {
  if (record.family != 4 && record.family != 6) return false;
  if (record.prefix > HostPrefix(record.family) || record.ifindex < 1 || record.ifindex > INT32_MAX) return false;
  return std::all_of(record.address + AddressBytes(record.family), std::end(record.address),
                     [](uint8_t byte) { return byte == 0; });
}

inline bool IsRoute(const AddressRecord& record) { return (record.flags & kFlagRoute) != 0; }

/* Orders records by family and address alone, so that all places of one address are neighbours. */
inline int CompareAddress(const AddressRecord& a, const AddressRecord& b) {
  if (a.family != b.family) return a.family < b.family ? -1 : 1;
  return std::memcmp(a.address, b.address, sizeof a.address);
}

/* The same address at the same place: interface, prefix, and address or route. */
inline bool SamePlace(const AddressRecord& a, const AddressRecord& b) {
  return CompareAddress(a, b) == 0 && a.ifindex == b.ifindex && a.prefix == b.prefix && IsRoute(a) == IsRoute(b);
}

}  // namespace holdfast::wire
