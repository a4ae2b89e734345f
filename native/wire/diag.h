#pragma once
/* Sockets as the kernel lists and closes them: sock_diag(7), linux/inet_diag.h. */
#include <linux/inet_diag.h>

#include <cstdint>
#include <vector>

#include "ip_address.h"
#include "netlink.h"

namespace holdfast::wire {

/* Addresses to look for, in O(log n) each. An IPv4 one is there as IPv4-mapped, which is how the kernel lists a socket of IPv6
 * that talks IPv4. */
class AddressSet {
 public:
  explicit AddressSet(std::vector<IpAddress> addresses);

  bool Has(const IpAddress& address) const;
  /* Whether a socket of family AF_INET can be on one of them. */
  bool HasIpv4() const { return has_ipv4_; }

 private:
  std::vector<IpAddress> sorted_;
  bool has_ipv4_ = false;
};

/* A TCP connection as it crosses to TypeScript and back: 36 bytes, ports little-endian. src/kernel/sockets.ts has the same
 * table. */
struct ConnectionRecord {
  IpAddress local;
  IpAddress remote;
  uint16_t local_port;
  uint16_t remote_port;
};
static_assert(sizeof(ConnectionRecord) == 36 && offsetof(ConnectionRecord, local_port) == 32);

/* One listed socket. `id` and `family` (AF_*) name it to the kernel, with a cookie: no other one is meant by it, ever. */
struct SocketRecord {
  uint8_t family;
  inet_diag_sockid id;
  ConnectionRecord ends;
};

/* Bits of idiag_states, by the numbers of net/tcp_states.h. */
constexpr uint32_t StateBit(unsigned state) { return 1U << state; }

/* `ss -t`, `ss -u` and the like: all sockets of a family (AF_*) and protocol (IPPROTO_*) in one of the states. */
void AppendSocketDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint8_t protocol, uint32_t states);

/* One message of such a dump. False for a TIME_WAIT, also one that the kernel lists as FIN_WAIT2: there is no socket any
 * more, and it is not to be closed. */
bool DecodeSocket(const Message& message, SocketRecord& out);

/* `ss -K` of one socket. */
void AppendDestroy(std::vector<uint8_t>& out, uint32_t seq, const SocketRecord& socket, uint8_t protocol);

}  // namespace holdfast::wire
