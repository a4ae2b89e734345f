#include "tags.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "../wire/kernel_numbers.h"
#include "netlink_socket.h"

namespace holdfast::io {

namespace {

enum Answer : int { kUnknown, kKept, kForgotten };
std::atomic<int> known{kUnknown};

/* An address without IFA_LOCAL, which is -EINVAL on every kernel. But attributes are read before that: a kernel that
 * knows IFA_PROTO finds this one too short for its byte (-ERANGE, validate_nla() in lib/nlattr.c, from
 * rtm_to_ifaddr()). */
std::vector<uint8_t> Question(uint32_t seq) {
  std::vector<uint8_t> bytes;
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  wire::MessageBuilder message(bytes, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK, seq);
  message.Body(body);
  message.Attribute(wire::kIfaProto, wire::Bytes{});
  return bytes;
}

int Ask(int32_t& answer) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(1 << 16); error < 0) return error;
  const uint32_t seq = socket.NextSeq();
  if (const int error = socket.Send(Question(seq)); error < 0) return error;
  for (;;) {
    wire::Bytes datagram;
    if (const int error = socket.Receive(datagram); error < 0) return error;
    wire::MessageReader reader(datagram);
    for (wire::Message message; reader.Next(message);) {
      wire::Ack ack;
      if (message.seq != seq || !wire::ParseAck(message, ack)) continue;
      answer = ack.error;
      return 0;
    }
  }
}

}  // namespace

int KeepsTags(bool& out) noexcept {
  out = true;
  if (known == kUnknown) {
    int32_t answer = 0;
    if (const int error = Ask(answer); error < 0) return error;
    if (answer == -EPERM) return 0;
    known = answer == -EINVAL ? kForgotten : kKept;
  }
  out = known == kKept;
  return 0;
}

}  // namespace holdfast::io
