#include "requests.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "kernel_numbers.h"
#include "netlink.h"

namespace holdfast::wire {

namespace {

constexpr uint16_t kDump = NLM_F_REQUEST | NLM_F_DUMP;
constexpr uint16_t kAdd = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr uint16_t kExtend = NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE;
constexpr uint16_t kRemove = NLM_F_REQUEST | NLM_F_ACK;

uint8_t KernelFamily(uint8_t family) { return family == 4 ? AF_INET : AF_INET6; }

Bytes AddressOf(const AddressRecord& record) { return {record.address, AddressBytes(record.family)}; }

void AppendAddress(std::vector<uint8_t>& out, uint16_t type, uint16_t flags, uint32_t seq, const AddressRecord& record,
                   uint8_t tag, uint32_t valid) {
  ifaddrmsg body{};
  body.ifa_family = KernelFamily(record.family);
  body.ifa_prefixlen = record.prefix;
  body.ifa_index = record.ifindex;
  const bool is_source = (record.flags & kFlagNoSource) == 0;
  /* Source selection passes over addresses of this scope (inet_select_addr() in devinet.c). It goes by no lifetime; and an
   * alias in a network of the interface must have the scope of the others there, or is refused. */
  if (!is_source && record.family == 4 && record.prefix == HostPrefix(4)) body.ifa_scope = RT_SCOPE_HOST;
  MessageBuilder message(out, type, flags, seq);
  message.Body(body);
  message.Attribute(IFA_LOCAL, AddressOf(record));
  message.Attribute(IFA_ADDRESS, AddressOf(record));
  if (type != RTM_NEWADDR) return;
  if (record.family == 6) {
    /* The cluster elected one owner, so no second of duplicate address detection unless it is asked for; and a prefix route
     * by an address that comes and goes would take the network's route along when it goes. */
    const uint32_t no_probe = (record.flags & kFlagProbe) == 0 ? IFA_F_NODAD : 0;
    message.Attribute(IFA_FLAGS, no_probe | IFA_F_NOPREFIXROUTE);
  }
  /* IPv6: deprecated from the start (RFC 6724 rule 3). IPv4 goes by no preferred lifetime. */
  const uint32_t preferred = record.family == 6 && !is_source ? 0 : valid;
  if (preferred != kForever) message.Attribute(IFA_CACHEINFO, ifa_cacheinfo{preferred, valid, 0, 0});
  message.Attribute(kIfaProto, tag);
}

void AppendRoute(std::vector<uint8_t>& out, uint16_t type, uint16_t flags, uint32_t seq, const AddressRecord& record,
                 uint8_t tag) {
  rtmsg body{};
  body.rtm_family = KernelFamily(record.family);
  body.rtm_dst_len = HostPrefix(record.family);
  body.rtm_table = RT_TABLE_LOCAL;
  body.rtm_protocol = tag;
  body.rtm_scope = RT_SCOPE_HOST;
  body.rtm_type = RTN_LOCAL;
  MessageBuilder message(out, type, flags, seq);
  message.Body(body);
  message.Attribute(RTA_DST, AddressOf(record));
  message.Attribute(RTA_OIF, record.ifindex);
}

}  // namespace

void AppendAdd(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag, uint32_t valid) {
  if (IsRoute(record)) return AppendRoute(out, RTM_NEWROUTE, kAdd, seq, record, tag);
  AppendAddress(out, RTM_NEWADDR, kAdd, seq, record, tag, valid);
}

void AppendExtend(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag, uint32_t valid) {
  AppendAddress(out, RTM_NEWADDR, kExtend, seq, record, tag, valid);
}

void AppendRemove(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag) {
  if (IsRoute(record)) return AppendRoute(out, RTM_DELROUTE, kRemove, seq, record, tag);
  AppendAddress(out, RTM_DELADDR, kRemove, seq, record, tag, kForever);
}

void AnswerFailureOnly(std::vector<uint8_t>& out, size_t start) {
  nlmsghdr header;
  std::memcpy(&header, out.data() + start, sizeof header);
  header.nlmsg_flags &= static_cast<uint16_t>(~NLM_F_ACK);
  std::memcpy(out.data() + start, &header, sizeof header);
}

void AppendLinkDump(std::vector<uint8_t>& out, uint32_t seq) {
  MessageBuilder message(out, RTM_GETLINK, kDump, seq);
  message.Body(ifinfomsg{});
  message.Attribute(IFLA_EXT_MASK, uint32_t{RTEXT_FILTER_SKIP_STATS});
}

void AppendAddressDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint32_t ifindex) {
  ifaddrmsg body{};
  body.ifa_family = KernelFamily(family);
  body.ifa_index = ifindex;
  MessageBuilder message(out, RTM_GETADDR, kDump, seq);
  message.Body(body);
}

void AppendRouteDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint8_t tag, uint32_t ifindex) {
  rtmsg body{};
  body.rtm_family = KernelFamily(family);
  body.rtm_table = RT_TABLE_LOCAL;
  body.rtm_protocol = tag;
  body.rtm_type = RTN_LOCAL;
  MessageBuilder message(out, RTM_GETROUTE, kDump, seq);
  message.Body(body);
  if (ifindex != 0) message.Attribute(RTA_OIF, ifindex);
}

}  // namespace holdfast::wire
