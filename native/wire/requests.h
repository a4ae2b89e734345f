#pragma once
/* rtnetlink requests, each appended to `out`. Each names the `ip` command it is like. */
#include <cstdint>
#include <vector>

#include "address_record.h"

namespace holdfast::wire {

/* INFINITY_LIFE_TIME in net/addrconf.h: an alias that stays until it is removed. */
constexpr uint32_t kForever = UINT32_MAX;

/* `ip address add ADDRESS/PREFIX dev X proto TAG`, for IPv6 with `nodad noprefixroute` (kFlagProbe: without `nodad`); for
 * kFlagNoSource with `preferred_lft 0`, for IPv4 with `scope host`; or for kFlagRoute
 * `ip route add local ADDRESS dev X table local proto TAG`. Refused with EEXIST where it is there already.
 * `valid` seconds after it is done the kernel takes an alias away by itself (`valid_lft`); routes have no such time. */
void AppendAdd(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag,
               uint32_t valid = kForever);

/* `ip address replace ...`, otherwise as above: an alias that is there is valid for so long from now on. The kernel
 * adds one that is not there (inet_rtm_newaddr(), inet6_rtm_newaddr()), and changes one that is not ours: whoever
 * sends this must have looked (presence.h). */
void AppendExtend(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag, uint32_t valid);

/* `ip address del ADDRESS/PREFIX dev X`, or `ip route del local ADDRESS dev X table local proto TAG`. The kernel compares
 * the tag of a route and not that of an address: whoever sends this must have looked (presence.h). */
void AppendRemove(std::vector<uint8_t>& out, uint32_t seq, const AddressRecord& record, uint8_t tag);

/* The add or remove that begins at `start` is answered only where it fails (netlink_rcv_skb() in af_netlink.c). The kernel
 * takes the requests of one datagram in order, so the answer to a later one tells that this one is done. */
void AnswerFailureOnly(std::vector<uint8_t>& out, size_t start);

/* `ip link show`: all links, without their statistics. */
void AppendLinkDump(std::vector<uint8_t>& out, uint32_t seq);

/* `ip -4|-6 address show [dev X]`; ifindex 0 stands for all. */
void AppendAddressDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint32_t ifindex);

/* `ip -4|-6 route show table local type local [proto TAG] [dev X]`; tag 0 and ifindex 0 stand for all. */
void AppendRouteDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint8_t tag, uint32_t ifindex);

}  // namespace holdfast::wire
