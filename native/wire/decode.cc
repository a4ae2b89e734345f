#include "decode.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "kernel_numbers.h"

namespace holdfast::wire {

namespace {

std::string KindOf(Bytes link_info) {
  AttributeReader attributes(link_info);
  for (Attribute attribute; attributes.Next(attribute);)
    if (attribute.type == IFLA_INFO_KIND) return std::string(ReadString(attribute.value));
  return {};
}

std::vector<std::string> AltnamesOf(Bytes properties) {
  std::vector<std::string> names;
  AttributeReader attributes(properties);
  for (Attribute attribute; attributes.Next(attribute);)
    if (attribute.type == kIflaAltName) names.emplace_back(ReadString(attribute.value));
  return names;
}

uint8_t FamilyOf(uint8_t kernel_family) {
  if (kernel_family == AF_INET) return 4;
  return kernel_family == AF_INET6 ? 6 : 0;
}

/* A value of another length than the family's is not an address. */
bool CopyAddress(Bytes value, AddressRecord& out) {
  if (value.size() != AddressBytes(out.family)) return false;
  std::copy(value.begin(), value.end(), out.address);
  return true;
}

}  // namespace

bool DecodeLink(const Message& message, LinkRecord& out) {
  ifinfomsg body;
  if (message.type != RTM_NEWLINK || !ReadFront(message.payload, body) || body.ifi_index <= 0) return false;
  out = {};
  out.index = static_cast<uint32_t>(body.ifi_index);
  out.up = (body.ifi_flags & IFF_UP) != 0;
  out.carrier = (body.ifi_flags & IFF_LOWER_UP) != 0;
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    switch (attribute.type) {
      case IFLA_IFNAME: out.name = ReadString(attribute.value); break;
      case IFLA_MTU: ReadFront(attribute.value, out.mtu); break;
      case IFLA_MASTER: ReadFront(attribute.value, out.master); break;
      case IFLA_LINKINFO: out.kind = KindOf(attribute.value); break;
      case kIflaPropList: out.altnames = AltnamesOf(attribute.value); break;
      case IFLA_ADDRESS:
        if (attribute.value.size() == std::tuple_size_v<Mac>) ReadFront(attribute.value, out.mac.emplace());
        break;
      default: break;
    }
  }
  return !out.name.empty();
}

bool DecodeAddress(const Message& message, AddressRecord& out) {
  ifaddrmsg body;
  if (message.type != RTM_NEWADDR || !ReadFront(message.payload, body)) return false;
  out = {};
  out.family = FamilyOf(body.ifa_family);
  out.prefix = body.ifa_prefixlen;
  out.ifindex = body.ifa_index;
  if (out.family == 0) return false;

  uint32_t flags = body.ifa_flags;
  Bytes local;
  Bytes remote; /* IFA_ADDRESS: the same as IFA_LOCAL, or the peer; for most IPv6 it stands alone */
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    switch (attribute.type) {
      case IFA_LOCAL: local = attribute.value; break;
      case IFA_ADDRESS: remote = attribute.value; break;
      case IFA_FLAGS: ReadFront(attribute.value, flags); break; /* the byte of ifaddrmsg is full since 3.14 */
      case kIfaProto: ReadFront(attribute.value, out.protocol); break;
      default: break;
    }
  }
  if (!CopyAddress(local.empty() ? remote : local, out)) return false;

  const bool has_peer = !local.empty() && !remote.empty() && !std::ranges::equal(local, remote);
  const bool secondary = out.family == 4 && (flags & IFA_F_SECONDARY) != 0;
  if ((flags & IFA_F_PERMANENT) != 0 && !has_peer && (out.prefix == HostPrefix(out.family) || secondary))
    out.flags |= kFlagAlias;
  return IsPlumbable(out);
}

Probe ProbeOf(const Message& address) {
  ifaddrmsg body;
  if (address.type != RTM_NEWADDR || !ReadFront(address.payload, body)) return Probe::kNone;
  if ((body.ifa_flags & IFA_F_DADFAILED) != 0) return Probe::kDuplicate; /* it stays tentative then */
  return (body.ifa_flags & IFA_F_TENTATIVE) != 0 ? Probe::kUnderWay : Probe::kNone;
}

bool DecodeRoute(const Message& message, AddressRecord& out) {
  rtmsg body;
  if (message.type != RTM_NEWROUTE || !ReadFront(message.payload, body)) return false;
  out = {};
  out.family = FamilyOf(body.rtm_family);
  if (out.family == 0 || body.rtm_table != RT_TABLE_LOCAL || body.rtm_type != RTN_LOCAL) return false;
  if (body.rtm_dst_len != HostPrefix(out.family) || body.rtm_protocol == RTPROT_KERNEL) return false;
  out.prefix = body.rtm_dst_len;
  out.protocol = body.rtm_protocol;
  out.flags = kFlagRoute;

  bool has_address = false;
  AttributeReader attributes(AfterAligned(message.payload, sizeof body));
  for (Attribute attribute; attributes.Next(attribute);) {
    if (attribute.type == RTA_DST) has_address = CopyAddress(attribute.value, out);
    if (attribute.type == RTA_OIF) ReadFront(attribute.value, out.ifindex);
  }
  return has_address && IsPlumbable(out);
}

}  // namespace holdfast::wire
