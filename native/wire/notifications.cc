#include "notifications.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace holdfast::wire {

namespace {

/* The kernel fills RTM_DEL* as it fills RTM_NEW*, which is one less. */
Message AsNew(const Message& message) {
  Message as_new = message;
  as_new.type = static_cast<uint16_t>(message.type - 1);
  return as_new;
}

}  // namespace

bool DecodeAddressChange(const Message& message, AddressChange& out) {
  out.replaces = message.type == RTM_NEWROUTE && (message.flags & NLM_F_REPLACE) != 0;
  switch (message.type) {
    case RTM_NEWADDR: out.there = true; return DecodeAddress(message, out.record);
    case RTM_NEWROUTE: out.there = true; return DecodeRoute(message, out.record);
    case RTM_DELADDR: out.there = false; return DecodeAddress(AsNew(message), out.record);
    case RTM_DELROUTE: out.there = false; return DecodeRoute(AsNew(message), out.record);
    default: return false;
  }
}

bool DecodeLinkChange(const Message& message, LinkChange& out) {
  ifinfomsg body;
  if (!ReadFront(message.payload, body) || body.ifi_family != AF_UNSPEC) return false;
  out.there = message.type == RTM_NEWLINK;
  return DecodeLink(message.type == RTM_DELLINK ? AsNew(message) : message, out.link);
}

}  // namespace holdfast::wire
