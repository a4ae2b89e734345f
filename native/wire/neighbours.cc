#include "neighbours.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace holdfast::wire {

namespace {

constexpr uint16_t kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;

/* A neighbour in whatever state; `has_mac` tells whether it has an Ethernet address. */
bool DecodeEntry(const Message& message, NeighbourRecord& out, uint16_t& state, bool& has_mac) {
  ndmsg body;
  if (!ReadFront(message.payload, body) || body.ndm_ifindex <= 0) return false;
  if (body.ndm_family != AF_INET && body.ndm_family != AF_INET6) return false;
  out = {};
  out.ifindex = static_cast<uint32_t>(body.ndm_ifindex);
  out.family = body.ndm_family == AF_INET ? 4 : 6;
  state = body.ndm_state;
  has_mac = false;
  bool has_address = false;
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == NDA_DST && attribute.value.size() == AddressBytes(out.family)) {
      std::ranges::copy(attribute.value, out.address.begin());
      has_address = true;
    }
    if (attribute.type == NDA_LLADDR && attribute.value.size() == out.mac.size())
      has_mac = ReadFront(attribute.value, out.mac);
  }
  return has_address;
}

}  // namespace

void AppendNeighbourDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint32_t ifindex) {
  ndmsg body{};
  body.ndm_family = family == 4 ? AF_INET : AF_INET6;
  MessageBuilder message(out, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, seq);
  message.Body(body);
  /* An attribute, because ndm_ifindex is refused under NETLINK_GET_STRICT_CHK (neigh_valid_dump_req() in neighbour.c). */
  if (ifindex != 0) message.Attribute(NDA_IFINDEX, ifindex);
}

bool DecodeNeighbour(const Message& message, NeighbourRecord& out) {
  uint16_t state = 0;
  bool has_mac = false;
  return message.type == RTM_NEWNEIGH && DecodeEntry(message, out, state, has_mac) && has_mac && (state & kKnown) != 0;
}

bool DecodeNeighbourChange(const Message& message, NeighbourChange& out) {
  uint16_t state = 0;
  bool has_mac = false;
  if (message.type != RTM_NEWNEIGH && message.type != RTM_DELNEIGH) return false;
  if (!DecodeEntry(message, out.record, state, has_mac)) return false;
  out.there = message.type == RTM_NEWNEIGH && has_mac && (state & kKnown) != 0;
  return true;
}

}  // namespace holdfast::wire
