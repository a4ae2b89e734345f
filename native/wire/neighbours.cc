#include "neighbours.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace holdfast::wire {

void AppendNeighbourDump(std::vector<uint8_t>& out, uint32_t seq, uint32_t ifindex) {
  ndmsg body{};
  body.ndm_family = AF_INET;
  MessageBuilder message(out, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, seq);
  message.Body(body);
  /* An attribute, because ndm_ifindex is refused under NETLINK_GET_STRICT_CHK (neigh_valid_dump_req() in neighbour.c). */
  if (ifindex != 0) message.Attribute(NDA_IFINDEX, ifindex);
}

bool DecodeNeighbour(const Message& message, NeighbourRecord& out) {
  ndmsg body;
  if (message.type != RTM_NEWNEIGH || !ReadFront(message.payload, body) || body.ndm_family != AF_INET) return false;
  constexpr uint16_t kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  if ((body.ndm_state & kKnown) == 0 || body.ndm_ifindex <= 0) return false;
  out = {};
  out.ifindex = static_cast<uint32_t>(body.ndm_ifindex);
  bool has_address = false;
  bool has_mac = false;
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == NDA_DST && attribute.value.size() == out.address.size())
      has_address = ReadFront(attribute.value, out.address);
    if (attribute.type == NDA_LLADDR && attribute.value.size() == out.mac.size())
      has_mac = ReadFront(attribute.value, out.mac);
  }
  return has_address && has_mac;
}

}  // namespace holdfast::wire
