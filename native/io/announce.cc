#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "pause.h"

namespace holdfast::io {

namespace {

constexpr size_t kAddressesASend = 64; /* two frames each; more a sendmmsg gains nothing that could be measured */
constexpr unsigned kFullQueueTries = 7;

struct Burst {
  std::array<wire::ArpFrame, 2 * kAddressesASend> frames;
  std::array<iovec, 2 * kAddressesASend> places;
  std::array<mmsghdr, 2 * kAddressesASend> messages;
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

AnnounceOutcome Announce(int fd, uint32_t ifindex, const wire::Mac& mac,
                         std::span<const wire::Ipv4> addresses) noexcept {
  sockaddr_ll target{};
  target.sll_family = AF_PACKET;
  target.sll_protocol = htons(ETH_P_ARP);
  target.sll_ifindex = static_cast<int>(ifindex);

  AnnounceOutcome outcome;
  unsigned tries = 0;
  Burst burst;
  while (!addresses.empty()) {
    const auto part = addresses.first(std::min(addresses.size(), kAddressesASend));
    addresses = addresses.subspan(part.size());
    for (size_t i = 0; i < 2 * part.size(); i++) {
      const auto form = i % 2 == 0 ? wire::ArpForm::kRequest : wire::ArpForm::kReply;
      burst.frames[i] = wire::BuildAnnouncement(form, mac, part[i / 2]);
      burst.places[i] = {burst.frames[i].data(), burst.frames[i].size()};
      burst.messages[i] = {};
      burst.messages[i].msg_hdr.msg_name = &target;
      burst.messages[i].msg_hdr.msg_namelen = sizeof target;
      burst.messages[i].msg_hdr.msg_iov = &burst.places[i];
      burst.messages[i].msg_hdr.msg_iovlen = 1;
    }
    SendAll(fd, burst.messages.data(), 2 * part.size(), tries, outcome);
  }
  return outcome;
}

}  // namespace holdfast::io
