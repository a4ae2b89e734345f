#include "uses.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace holdfast::wire {

namespace {

bool ReadIp(uint8_t family, Bytes value, IpAddress& out) {
  if (family == AF_INET6) return value.size() == out.size() && ReadFront(value, out);
  Ipv4 four{};
  if (family != AF_INET || value.size() != four.size() || !ReadFront(value, four)) return false;
  out = Mapped(four);
  return true;
}

}  // namespace

void AppendAllRoutesDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family) {
  rtmsg body{};
  body.rtm_family = family == 4 ? AF_INET : AF_INET6;
  MessageBuilder message(out, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, seq);
  message.Body(body);
}

bool DecodeRouteSource(const Message& message, UseRecord& out) {
  rtmsg body;
  if (message.type != RTM_NEWROUTE || !ReadFront(message.payload, body)) return false;
  if (body.rtm_table == RT_TABLE_LOCAL && body.rtm_protocol == RTPROT_KERNEL) return false;
  if ((body.rtm_flags & RTM_F_CLONED) != 0) return false; /* a cached decision, and no route */
  out = {};
  out.kind = static_cast<uint8_t>(UseKind::kRouteSource);
  out.prefix = body.rtm_dst_len;
  bool has_source = false;
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == RTA_PREFSRC) has_source = ReadIp(body.rtm_family, attribute.value, out.address);
    if (attribute.type == RTA_OIF) ReadFront(attribute.value, out.where);
  }
  return has_source;
}

bool DecodeBoundSocket(const Message& message, UseKind kind, UseRecord& out) {
  SocketRecord socket;
  inet_diag_msg body;
  if (!DecodeSocket(message, socket) || !ReadFront(message.payload, body)) return false;
  out = {};
  out.address = socket.ends.local;
  out.kind = static_cast<uint8_t>(kind);
  out.port = socket.ends.local_port;
  out.where = body.idiag_inode;
  return true;
}

}  // namespace holdfast::wire
