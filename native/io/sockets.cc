#include "sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "netlink_socket.h"

namespace holdfast::io {

namespace {

using wire::AddressSet;
using wire::SocketRecord;
using wire::StateBit;

constexpr unsigned kNewSynRecv = 12; /* TCP_NEW_SYN_RECV of net/tcp_states.h: a handshake that has no socket yet */
constexpr uint32_t kEstablished = StateBit(TCP_ESTABLISHED) | StateBit(TCP_CLOSE_WAIT);
constexpr uint32_t kOpen = kEstablished | StateBit(TCP_SYN_SENT) | StateBit(TCP_SYN_RECV) | StateBit(kNewSynRecv) |
                           StateBit(TCP_FIN_WAIT1) | StateBit(TCP_FIN_WAIT2) | StateBit(TCP_CLOSING) |
                           StateBit(TCP_LAST_ACK);

/* The table is not locked while it is listed, and what moves within it may be passed over: it is looked at again. */
constexpr int kPasses = 3;
constexpr size_t kDestroyAtOnce = 512;

/* A socket of IPv6 may be on an IPv4 address, one of IPv4 on no IPv6 address. */
int ListSockets(NetlinkSocket& netlink, const AddressSet& addresses, uint8_t protocol, uint32_t states,
                std::vector<SocketRecord>& out) noexcept {
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    if (family == AF_INET && !addresses.HasIpv4()) continue;
    const size_t before = out.size();
    const int error = netlink.Dump(
        [=](auto& request, uint32_t seq) { wire::AppendSocketDump(request, seq, family, protocol, states); },
        [&] { out.resize(before); },
        [&](const wire::Message& message) {
          if (SocketRecord socket; wire::DecodeSocket(message, socket) && addresses.Has(socket.ends.local))
            out.push_back(socket);
        });
    if (error < 0) return error;
  }
  return 0;
}

/* Each is answered, and as many are under way as answers fit; where some are lost all the same, the next pass sees what is
 * left. */
int Destroy(NetlinkSocket& netlink, uint8_t protocol, std::span<const SocketRecord> sockets,
            KillOutcome& outcome) noexcept {
  std::vector<uint8_t> requests;
  uint32_t last_seq = 0;
  for (const SocketRecord& socket : sockets) wire::AppendDestroy(requests, last_seq = netlink.NextSeq(), socket, protocol);
  if (const int error = netlink.Send(requests); error < 0) return error;
  for (size_t answers = 0; answers < sockets.size();) {
    wire::Bytes datagram;
    if (const int error = netlink.Receive(datagram); error < 0) return error == -ENOBUFS ? 0 : error;
    wire::MessageReader reader(datagram);
    for (wire::Message message; reader.Next(message);) {
      wire::Ack ack;
      if (!wire::ParseAck(message, ack) || last_seq - message.seq >= sockets.size()) continue;
      answers++;
      if (ack.error == 0) outcome.closed++;
      else if (ack.error != -ENOENT) outcome.failed[ack.error]++; /* else it went by itself */
    }
  }
  return 0;
}

KillOutcome KillAll(NetlinkSocket& netlink, const AddressSet& addresses, uint8_t protocol, uint32_t states) noexcept {
  KillOutcome outcome;
  for (int pass = 0; pass < kPasses; pass++) {
    std::vector<SocketRecord> found;
    outcome.error = ListSockets(netlink, addresses, protocol, states, found);
    if (outcome.error < 0 || found.empty()) break;
    const uint32_t before = outcome.closed;
    outcome.failed.clear();
    const size_t at_once = std::min(netlink.window(), kDestroyAtOnce);
    for (size_t at = 0; at < found.size() && outcome.error == 0; at += at_once) {
      const auto some = std::span(found).subspan(at, std::min(at_once, found.size() - at));
      outcome.error = Destroy(netlink, protocol, some, outcome);
    }
    if (outcome.closed == before) break;
  }
  return outcome;
}

}  // namespace

int ListConnections(const AddressSet& addresses, std::vector<wire::ConnectionRecord>& out) noexcept {
  NetlinkSocket netlink;
  if (const int error = netlink.Open(NetlinkSocket::kBufferBytes, NETLINK_SOCK_DIAG); error < 0) return error;
  std::vector<SocketRecord> found;
  if (const int error = ListSockets(netlink, addresses, IPPROTO_TCP, kEstablished, found); error < 0) return error;
  for (const SocketRecord& socket : found) out.push_back(socket.ends);
  return 0;
}

KillOutcome KillSockets(const AddressSet& addresses, bool listening) noexcept {
  KillOutcome tcp;
  NetlinkSocket netlink;
  tcp.error = netlink.Open(NetlinkSocket::kBufferBytes, NETLINK_SOCK_DIAG);
  if (tcp.error < 0) return tcp;
  tcp = KillAll(netlink, addresses, IPPROTO_TCP, kOpen | (listening ? StateBit(TCP_LISTEN) : 0));
  if (tcp.error < 0) return tcp;
  /* A connected UDP socket is in this state too. */
  KillOutcome both = KillAll(netlink, addresses, IPPROTO_UDP, StateBit(TCP_ESTABLISHED));
  if (both.error == -ENOENT) both.error = 0; /* a kernel that does not list UDP (CONFIG_INET_UDP_DIAG) closes none */
  both.closed += tcp.closed;
  for (const auto& [error, count] : tcp.failed) both.failed[error] += count;
  return both;
}

}  // namespace holdfast::io
