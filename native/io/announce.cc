#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "pause.h"

namespace holdfast::io {

namespace {

constexpr size_t kFramesASend = 128; /* more a sendmmsg gains nothing that could be measured */
constexpr unsigned kFullQueueTries = 7;

struct Burst {
  std::array<wire::ArpFrame, kFramesASend> frames;
  std::array<iovec, kFramesASend> places;
  std::array<mmsghdr, kFramesASend> messages;
};

/* Sends messages [0, count); frames that the device refuses are counted and passed over. */
void SendAll(int fd, mmsghdr* messages, size_t count, unsigned& tries, AnnounceOutcome& outcome) noexcept {
  for (size_t at = 0; at < count;) {
    const int sent = sendmmsg(fd, messages + at, static_cast<unsigned>(count - at), 0);
    if (sent > 0) {
      at += static_cast<size_t>(sent);
      outcome.sent += static_cast<uint32_t>(sent);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if ((error == ENOBUFS || error == EAGAIN) && tries < kFullQueueTries) {
      PauseBeforeRetry(tries++);
      continue;
    }
    if (outcome.first_error == 0) outcome.first_error = -error;
    outcome.failed++;
    at++;
  }
}

}  // namespace

int OpenAnnouncer(UniqueFd& out) noexcept {
  /* Protocol 0: no frame is ever delivered to this socket (packet(7)). */
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return -errno;
  out = std::move(fd);
  return 0;
}

AnnounceOutcome Announce(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::Mac> to,
                         std::span<const wire::Ipv4> addresses) noexcept {
  sockaddr_ll target{};
  target.sll_family = AF_PACKET;
  target.sll_protocol = htons(ETH_P_ARP);
  target.sll_ifindex = static_cast<int>(ifindex);

  AnnounceOutcome outcome;
  unsigned tries = 0;
  Burst burst;
  size_t count = 0;
  const auto flush = [&] { SendAll(fd, burst.messages.data(), std::exchange(count, 0), tries, outcome); };
  const auto put = [&](const wire::ArpFrame& frame) {
    burst.frames[count] = frame;
    burst.places[count] = {burst.frames[count].data(), burst.frames[count].size()};
    burst.messages[count] = {};
    burst.messages[count].msg_hdr.msg_name = &target;
    burst.messages[count].msg_hdr.msg_namelen = sizeof target;
    burst.messages[count].msg_hdr.msg_iov = &burst.places[count];
    burst.messages[count].msg_hdr.msg_iovlen = 1;
    if (++count == kFramesASend) flush();
  };
  for (const wire::Ipv4& address : addresses) {
    for (const wire::Mac& host : to) {
      put(wire::BuildAnnouncement(wire::ArpForm::kRequest, mac, address, host));
      put(wire::BuildAnnouncement(wire::ArpForm::kReply, mac, address, host));
    }
  }
  flush();
  return outcome;
}

}  // namespace holdfast::io
