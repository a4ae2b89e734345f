#include "diag.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace holdfast::wire {

namespace {

/* idiag_timer of what inet_twsk_diag_fill() lists (inet_diag.c). */
constexpr uint8_t kTimeWaitTimer = 3;

IpAddress ReadIp(uint8_t family, const __be32 (&words)[4]) {
  IpAddress address;
  std::memcpy(address.data(), words, sizeof address);
  return family == AF_INET6 ? address : Mapped({address[0], address[1], address[2], address[3]});
}

}  // namespace

AddressSet::AddressSet(std::vector<IpAddress> addresses)
    : sorted_(std::move(addresses)), has_ipv4_(std::ranges::any_of(sorted_, IsIpv4)) {
  std::ranges::sort(sorted_);
}

bool AddressSet::Has(const IpAddress& address) const { return std::ranges::binary_search(sorted_, address); }

void AppendSocketDump(std::vector<uint8_t>& out, uint32_t seq, uint8_t family, uint8_t protocol, uint32_t states) {
  inet_diag_req_v2 body{};
  body.sdiag_family = family;
  body.sdiag_protocol = protocol;
  body.idiag_states = states;
  MessageBuilder message(out, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, seq);
  message.Body(body);
}

bool DecodeSocket(const Message& message, SocketRecord& out) {
  inet_diag_msg body;
  if (message.type != SOCK_DIAG_BY_FAMILY || !ReadFront(message.payload, body)) return false;
  if (body.idiag_family != AF_INET && body.idiag_family != AF_INET6) return false;
  if (body.idiag_timer == kTimeWaitTimer) return false;
  out.family = body.idiag_family;
  out.id = body.id;
  out.ends = {ReadIp(body.idiag_family, body.id.idiag_src), ReadIp(body.idiag_family, body.id.idiag_dst),
              ntohs(body.id.idiag_sport), ntohs(body.id.idiag_dport)};
  return true;
}

void AppendDestroy(std::vector<uint8_t>& out, uint32_t seq, const SocketRecord& socket, uint8_t protocol) {
  inet_diag_req_v2 body{};
  body.sdiag_family = socket.family;
  body.sdiag_protocol = protocol;
  body.id = socket.id;
  MessageBuilder message(out, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, seq);
  message.Body(body);
}

}  // namespace holdfast::wire
