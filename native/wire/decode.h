#pragma once
/* rtnetlink dumps -> records. Each takes one message of a dump and says false for what is not of its kind, is cut
 * short, or lacks what the record needs. */
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "address_record.h"
#include "netlink.h"

namespace holdfast::wire {

using Mac = std::array<uint8_t, 6>;

struct LinkRecord {
  uint32_t index = 0;
  uint32_t mtu = 0;
  uint32_t master = 0;
  bool up = false;      /* IFF_UP: the administrator wants it */
  bool carrier = false; /* IFF_LOWER_UP: the cable agrees */
  std::optional<Mac> mac;
  std::string name;
  std::string kind;
  std::vector<std::string> altnames;

  bool operator==(const LinkRecord&) const = default;
};

bool DecodeLink(const Message& message, LinkRecord& out);

/* RTM_NEWADDR, IPv4 or IPv6. */
bool DecodeAddress(const Message& message, AddressRecord& out);

/* How far the kernel is with asking whether another host has an address of a dump. */
enum class Probe : uint8_t { kNone, kUnderWay, kDuplicate };
Probe ProbeOf(const Message& address);

/* RTM_NEWROUTE: a host route of type local in the local table. Those the kernel makes itself for each interface
 * address (RTPROT_KERNEL) are not reported: they are that address. */
bool DecodeRoute(const Message& message, AddressRecord& out);

}  // namespace holdfast::wire
